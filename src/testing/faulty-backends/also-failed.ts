/**
 * For every case that no faulty backend names as the one that catches it: a faulty backend that fails it all the same.
 * A case that none can fail proves nothing.
 */
export const alsoFailed: readonly (readonly [claim: string, bug: string])[] = [
  [
    'five candidates that resign in turn have each led once, and never two of them together',
    'a resignation that leaves the rest to the expiry',
  ],
  [
    'candidates of one priority lead in the order in which they came',
    'a resignation that leaves the rest to the expiry',
  ],
  ['a waiter that died does not stop those behind it', 'no takeover after a crash'],
  [
    'evidence of death frees an election in token mode while the old leader may still believe',
    'a loss that is never told',
  ],
  ['a cut much shorter than the lease costs nobody the leadership', 'grants that wait half a lease'],
  [
    'a renewal that was long on its way never takes a deadline back',
    'a late reply that takes the deadline back',
  ],
  [
    'leaving while leading answers left; leaving again settles',
    'a resignation that leaves the rest to the expiry',
  ],
  [
    'leave settles while nothing reaches the arbiter, and expiry frees the election',
    'a resignation that hangs when it races the loss',
  ],
  [
    'leaving with an aborted signal settles, and frees the election in the end',
    'a resignation that hangs when it races the loss',
  ],
  ['a leader that was superseded learns on leaving that it held nothing', 'a loss that is never told'],
  [
    'a resignation whose answer was lost still frees the election',
    'a late reply that takes the deadline back',
  ],
  ['a candidacy that was cancelled while it waited never wins', 'a vacancy that observers never hear of'],
  [
    'a campaign whose answer was lost and that is then cancelled never wins later',
    'a lost reply answered by a second campaign',
  ],
  [
    'a cancellation while nothing reaches the arbiter settles, and never turns into a win after the heal',
    'a cancelled campaign that wins later',
  ],
  ['a session may stand again after it cancelled', 'a cancelled campaign that wins later'],
  [
    'a campaign whose answer was lost still ends in one win, with the token that others see',
    'tokens that begin at zero',
  ],
  [
    'a renewal whose answer was lost costs nobody the leadership',
    'a late reply that takes the deadline back',
  ],
  [
    'tokens grow over ten hand-overs between two candidates',
    'a second candidacy of one session that is never answered',
  ],
  [
    'a token grows across a restart of the arbiter while nobody leads',
    'tokens that start again with the arbiter',
  ],
  [
    'a token grows when a process ends its session and opens one anew',
    'a token that a new incarnation inherits',
  ],
  [
    'a token grows when the same id wins again after it lost its session',
    'a token that a new incarnation inherits',
  ],
  ['the tokens of two elections grow side by side', 'a token that stays when the same id acquires again'],
  [
    'a second process with the id of a connected candidate that waits is refused with DUPLICATE_ID',
    'a second process with a connected id let in',
  ],
  [
    'a second process with the id of a silent leader waits its turn and gets a token of its own',
    'a token that a new incarnation inherits',
  ],
  ['an id is free at once when its session was closed', 'a token that a new incarnation inherits'],
  [
    "who asks for 'time' in an election held in 'token' is refused, and both are named",
    'a candidate let in that asks for another exclusivity',
  ],
  [
    'an observer of an election without a leader is told first that it is vacant',
    'an observer that is told changes only',
  ],
  [
    'an observer is told of the vacancy after a crash that nobody follows',
    'a vacancy that observers never hear of',
  ],
  [
    'an observer learns of a leader that the arbiter named after a restart',
    'tokens that start again with the arbiter',
  ],
  ['one session leads 200 elections, each with a token', 'an end told twice'],
  [
    'one election that is resigned leaves the others of its session as they were',
    'a late reply that takes the deadline back',
  ],
  [
    'closing a session frees its 200 elections without waiting for any lease',
    'a session that closes without a release',
  ],
  [
    'leaving what was transferred does not touch the next candidacy of the same session',
    'a transfer that goes to whoever is next',
  ],
  ['a candidate that does not lead has nothing to transfer', 'a transfer that goes to whoever is next'],
  ['who waits has nothing to proclaim', 'a proclamation that is answered and not made'],
  ['a leader that was superseded has nothing to proclaim', 'a proclamation that is answered and not made'],
  [
    'a candidacy whose session was closed while it waited never wins',
    'a session that closes without a release',
  ],
  [
    'a campaign in the turn of the close settles, and blocks nobody',
    'a session that closes without a release',
  ],
  [
    'closing twice settles twice, and opening afterwards is refused with CLOSED',
    'a session that closes without a release',
  ],
  [
    'every wait that was open when the session closed settles',
    'a resignation that hangs when it races the loss',
  ],
  [
    'campaign() gives a leadership that is valid, with its token, scope, election and candidate',
    'tokens that begin at zero',
  ],
  [
    'resign(): invalid and aborted at once, lost next, released when it resolves',
    'a resignation that leaves the rest to the expiry',
  ],
  [
    'a loss is told in order: invalid, then aborted, then lost; all before another leads',
    'grants that wait half a lease',
  ],
  [
    'a leadership that nothing reaches ends by its own clock',
    'a closing that hangs while nothing reaches the arbiter',
  ],
  [
    'in token mode evidence names another while the old leadership may still be valid',
    'a loss that is never told',
  ],
  ['resign() after the loss, and in the middle of it, settles', 'a loss that is never told'],
  ['what a leadership proclaims is what current() reads', 'a proclamation that is answered and not made'],
  [
    'campaign() with an aborted signal is refused with CANCELLED, and blocks nobody',
    'a resignation that leaves the rest to the expiry',
  ],
  [
    'a campaign() that is aborted on the way to its win, at any step, leaves nobody leading',
    'a second candidacy of one session that is never answered',
  ],
  ['a campaign() that is aborted while it waits never leads later', 'a cancelled campaign that wins later'],
  [
    'a campaign() that is aborted after its answer was lost never leads later',
    'an opening that is never answered when its reply was lost',
  ],
  [
    'a candidate that asks for another exclusivity is refused by campaign(), with both named',
    'a candidate let in that asks for another exclusivity',
  ],
  [
    'a second process with the id of a leader is refused by campaign() with DUPLICATE_ID',
    'a second process with a connected id let in',
  ],
  [
    'lead() gives the value of the work after the release, so that the next leads at once',
    'a resignation that leaves the rest to the expiry',
  ],
  [
    'lead() runs the work again after a loss, with a greater token, and never two at once',
    'a token that a new incarnation inherits',
  ],
  [
    'lead() that is aborted gives undefined after the release',
    'a resignation that leaves the rest to the expiry',
  ],
  [
    'close() while leading releases; the next leads without waiting for any lease',
    'a resignation that leaves the rest to the expiry',
  ],
  [
    'close() settles every wait, and later calls are refused with CLOSED',
    'observers without a candidate that see nothing',
  ],
  ['the last election that closes leaves no timer and no socket', 'a timer that outlives its session'],
  [
    'a campaign() that was aborted and an election that was closed leave no timer and no socket',
    'a timer that outlives its session',
  ],
  ['closing the backend closes what stands on it', 'a session that closes without a release'],
  [
    'observe() yields the present state first, then every change, and ends with its signal',
    'observers without a candidate that see nothing',
  ],
  [
    'a slow reader of observe() gets the newest state, and never an older one after it',
    'observers without a candidate that see nothing',
  ],
  [
    'current() is one read: vacant, then led, then vacant again',
    'observers without a candidate that see nothing',
  ],
  [
    'a candidacy on a session that ended unnoticed is told so, or wins: it never waits for ever',
    'a loss that is never told',
  ],
]
