/**
 * The voter's side of support (DESIGN §4.1 A2, A4, A5). To acknowledge a keepalive is a promise: not to withdraw from
 * the session before it was silent for its lease, counted from when the keepalive was heard. A withdrawal is the way
 * back, it is durable before anybody is told, and there is none from it: the epoch is never acknowledged again.
 *
 * Why a voter may forget. Epochs of all sessions come from one growing sequence: the first of a session is the log
 * index of its Open, and each Reopen adds one while it takes an entry of its own, so no epoch is above the index of the
 * entry that opened it. A voter applies the log in order. So of a session that is not here, with no more known than
 * its epoch: if that is at or below an epoch opened here, the Open was applied here, and the session has ended; if it is
 * above all of them, its entry is still to come. Hence neither ended sessions nor their withdrawals are kept:
 * - At or below: refused as closed, for ever, without a record of it.
 * - Above: acknowledged, with nothing noted. When the entry is applied, silence counts from that moment, which is later
 *   than everything heard before. After a restart, while the log is replayed, that meets sessions that have in truth
 *   ended as well. One that expired did so by withdrawals of a majority, which are recovered before the first keepalive
 *   and refuse it; what the few others acknowledge is no majority. One that was closed had given up all it held first.
 * On disk a withdrawal must stay until a snapshot covers the end of its session (`openedThrough`).
 */
import { grantorSilenceMs } from '../../lease/deadline.ts'
import type { PeerId } from '../quorum/types.ts'
import type {
  Keepalive,
  KeepaliveRefusal,
  LeaseBounds,
  SessionKey,
  VoterEffect,
  VoterInput,
  Withdrawal,
  WithdrawRequest,
} from './types.ts'

export interface VoterOptions {
  readonly self: PeerId
  readonly incarnation: number
  readonly bounds: LeaseBounds
  /** `clock.lower()` */
  readonly startedAt: number
  /** All that is on disk, in any order. */
  readonly withdrawals: readonly Withdrawal[]
  /**
   * Where the state machine starts from a snapshot: the index that it covers, and the `opened` of each session in it
   * follow. @default 0: the whole log is replayed.
   */
  readonly openedThrough?: number
}

interface OpenSession {
  epoch: number
  leaseMs: number
  /** When the entry that opened the epoch was applied here. */
  openedAt: number
  /** In whatever epoch; a reopen does not make the session silent. */
  heardAt: number | null
  superseded: boolean
}

/** `after`: the persist effect that makes it durable; null when it was recovered. */
interface Withdrawn {
  readonly epoch: number
  readonly after: number | null
}

export interface Voter {
  readonly self: PeerId
  readonly incarnation: number
  readonly bounds: LeaseBounds
  readonly startedAt: number
  readonly sessions: Map<SessionKey, OpenSession>
  /** The highest epoch withdrawn of each session that did not end. */
  readonly withdrawn: Map<SessionKey, Withdrawn>
  /** Requests that this voter may not agree to yet: of each session, who asked for which epoch. */
  readonly parked: Map<SessionKey, Map<PeerId, number>>
  openedThrough: number
  persisted: number
  wakeAt: number | null
}

/** Requests about sessions unknown here could be anything. Beyond this they are dropped; the arbiter asks again. */
const parkedSessionsMax = 20_000

export function createVoter(options: VoterOptions): Voter {
  const withdrawn = new Map<SessionKey, Withdrawn>()
  for (const { session, epoch } of options.withdrawals) {
    if (epoch > (withdrawn.get(session)?.epoch ?? -1)) withdrawn.set(session, { epoch, after: null })
  }
  return {
    self: options.self,
    incarnation: options.incarnation,
    bounds: options.bounds,
    startedAt: options.startedAt,
    sessions: new Map(),
    withdrawn,
    parked: new Map(),
    openedThrough: options.openedThrough ?? 0,
    persisted: 0,
    wakeAt: null,
  }
}

/** `now` is `clock.lower()`, read after the input arrived. */
export function stepVoter(voter: Voter, input: VoterInput, now: number): VoterEffect[] {
  const effects: VoterEffect[] = []
  switch (input.type) {
    case 'keepalive':
      heard(voter, input.from, input.keepalive, now, effects)
      break
    case 'withdraw-request':
      asked(voter, input.from, input.request, effects)
      break
    case 'opened':
      opened(voter, input, now, effects)
      break
    case 'superseded': {
      const session = voter.sessions.get(input.session)
      if (session !== undefined) session.superseded = true
      break
    }
    case 'closed':
      ended(voter, input.session)
      break
    case 'wake':
      wake(voter, now, effects)
      break
    default:
      input satisfies never
  }
  if (voter.parked.size === 0 && voter.wakeAt !== null) {
    voter.wakeAt = null
    effects.push({ type: 'wake-at', at: null })
  }
  return effects
}

/** When this voter last heard the session, by `clock.lower()`; null: not since it was opened here. */
export function lastHeardMs(voter: Voter, session: SessionKey): number | null {
  return voter.sessions.get(session)?.heardAt ?? null
}

/** As a restart would: when it was heard, and who asks about it. Its withdrawal stays, for it is refused for ever. */
export function forgetSession(voter: Voter, session: SessionKey): void {
  voter.sessions.delete(session)
  voter.parked.delete(session)
}

/** The silence that counts for a withdrawal; 0 for a session that is not open here. */
export function silenceMs(voter: Voter, session: SessionKey, now: number): number {
  const open = voter.sessions.get(session)
  return open === undefined ? 0 : Math.max(0, now - silentSince(voter, open))
}

function heard(voter: Voter, from: PeerId, keepalive: Keepalive, now: number, effects: VoterEffect[]): void {
  const { session, epoch, sequence } = keepalive
  const open = voter.sessions.get(session)
  const reason = refusalReason(voter, keepalive)
  // A superseded session is meant to run out although its holder still sends: what it says does not count as heard.
  if (open !== undefined && reason !== 'superseded') {
    open.heardAt = now
    voter.parked.delete(session)
  }
  if (reason === null) {
    effects.push({
      type: 'send',
      to: from,
      message: {
        type: 'keepalive-ack',
        session,
        epoch,
        sequence,
        voter: voter.self,
        voterIncarnation: voter.incarnation,
      },
    })
    return
  }
  effects.push({
    type: 'send',
    to: from,
    message: { type: 'keepalive-refusal', session, epoch, voter: voter.self, reason },
    // "Never again" is true only once it is on disk.
    ...(reason === 'withdrawn' ? onceDurable(voter.withdrawn.get(session)) : {}),
  })
}

function refusalReason(voter: Voter, { session, epoch }: Keepalive): KeepaliveRefusal['reason'] | null {
  const open = voter.sessions.get(session)
  if (open === undefined && epoch <= voter.openedThrough) return 'closed'
  if (open?.superseded === true) return 'superseded'
  if (open !== undefined && epoch < open.epoch) return 'reopened'
  const withdrawn = voter.withdrawn.get(session)
  return withdrawn !== undefined && epoch <= withdrawn.epoch ? 'withdrawn' : null
}

/**
 * Parked even if the silence is long enough: whoever drives this lets the packets that wait in the sockets be read
 * before it wakes the voter (DESIGN §2), and a keepalive among them may clear the session.
 */
function asked(voter: Voter, from: PeerId, request: WithdrawRequest, effects: VoterEffect[]): void {
  const { session, epoch } = request
  const withdrawn = voter.withdrawn.get(session)
  if (withdrawn?.epoch === epoch) {
    answer(voter, from, request, withdrawn, effects)
    return
  }
  const open = voter.sessions.get(session)
  // An expiry of an epoch that is over would be ignored, so nobody needs the answer.
  const lowest = Math.max(open?.epoch ?? voter.openedThrough + 1, (withdrawn?.epoch ?? -1) + 1)
  if (epoch < lowest) return
  let requests = voter.parked.get(session)
  if (requests === undefined) {
    if (voter.parked.size >= parkedSessionsMax) return
    requests = new Map()
    voter.parked.set(session, requests)
  }
  requests.set(from, epoch)
  if (open?.epoch === epoch) wakeBy(voter, entitledAt(voter, open), effects)
}

function opened(
  voter: Voter,
  { session, epoch, leaseMs }: Extract<VoterInput, { type: 'opened' }>,
  now: number,
  effects: VoterEffect[],
): void {
  voter.openedThrough = Math.max(voter.openedThrough, epoch)
  let open = voter.sessions.get(session)
  if (open === undefined) {
    open = { epoch, leaseMs, openedAt: now, heardAt: null, superseded: false }
    voter.sessions.set(session, open)
  } else {
    if (epoch <= open.epoch) return
    open.epoch = epoch
    open.leaseMs = leaseMs
    open.openedAt = now
  }
  const requests = voter.parked.get(session)
  if (requests === undefined) return
  for (const [from, asksFor] of requests) if (asksFor < epoch) requests.delete(from)
  if (requests.size === 0) voter.parked.delete(session)
  else wakeBy(voter, entitledAt(voter, open), effects)
}

/**
 * What was withdrawn of it is refused as ended from now on. Not of a later life of the same key (`registry/apply.ts`), whose
 * withdrawal is known already when the log is replayed after a restart.
 */
function ended(voter: Voter, session: SessionKey): void {
  const epoch = voter.sessions.get(session)?.epoch ?? voter.openedThrough
  voter.sessions.delete(session)
  voter.parked.delete(session)
  const withdrawn = voter.withdrawn.get(session)
  if (withdrawn !== undefined && withdrawn.epoch <= epoch) voter.withdrawn.delete(session)
}

function wake(voter: Voter, now: number, effects: VoterEffect[]): void {
  voter.wakeAt = null
  let next: number | null = null
  for (const [session, requests] of voter.parked) {
    const open = voter.sessions.get(session)
    if (open === undefined) continue
    const at = entitledAt(voter, open)
    if (now >= at) withdraw(voter, { session, epoch: open.epoch }, requests, effects)
    else if (next === null || at < next) next = at
  }
  // Agreeing late is always safe: one pass over what is parked per tick is enough, however many sessions die at once.
  if (next !== null) wakeBy(voter, Math.max(next, now + voter.bounds.tickMs), effects)
}

function withdraw(
  voter: Voter,
  withdrawal: Withdrawal,
  requests: Map<PeerId, number>,
  effects: VoterEffect[],
): void {
  if (![...requests.values()].includes(withdrawal.epoch)) return
  voter.persisted += 1
  const withdrawn: Withdrawn = { epoch: withdrawal.epoch, after: voter.persisted }
  // From here on, not only from when it is durable: no acknowledgement may pass the record on its way to the disk.
  voter.withdrawn.set(withdrawal.session, withdrawn)
  effects.push({ type: 'persist', sequence: voter.persisted, withdrawal })
  for (const [from, epoch] of requests) {
    if (epoch === withdrawal.epoch) answer(voter, from, withdrawal, withdrawn, effects)
    // Requests for an epoch that is not opened here yet wait on.
    if (epoch <= withdrawal.epoch) requests.delete(from)
  }
  if (requests.size === 0) voter.parked.delete(withdrawal.session)
}

function answer(
  voter: Voter,
  to: PeerId,
  { session, epoch }: Withdrawal,
  withdrawn: Withdrawn,
  effects: VoterEffect[],
): void {
  effects.push({
    type: 'send',
    to,
    message: { type: 'withdraw-answer', session, epoch, voter: voter.self },
    ...onceDurable(withdrawn),
  })
}

function onceDurable(withdrawn: Withdrawn | undefined): { after?: number } {
  return withdrawn === undefined || withdrawn.after === null ? {} : { after: withdrawn.after }
}

/** A4: what was heard before the start of this process is forgotten, so silence cannot have begun before it. */
function silentSince(voter: Voter, open: OpenSession): number {
  return Math.max(open.heardAt ?? -Infinity, voter.startedAt, open.openedAt)
}

function entitledAt(voter: Voter, open: OpenSession): number {
  return silentSince(voter, open) + grantorSilenceMs(open.leaseMs, voter.bounds)
}

function wakeBy(voter: Voter, at: number, effects: VoterEffect[]): void {
  if (voter.wakeAt !== null && voter.wakeAt <= at) return
  voter.wakeAt = at
  effects.push({ type: 'wake-at', at })
}
