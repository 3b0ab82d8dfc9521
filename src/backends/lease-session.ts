import { MandateError } from '../errors.ts'
import { holderValidityMs } from '../lease/deadline.ts'
import type { LeaseSettings } from '../lease/machine-types.ts'
import type { VersionValue } from '../lease/record.ts'
import { leaseProblems } from '../lease/timing-rules.ts'
import type {
  BackendEnv,
  Cancellable,
  LeaseStore,
  LeaseTiming,
  Observer,
  Session,
  SessionRequest,
} from './backend.ts'
import { runCandidacy } from './lease-candidacy.ts'
import type { RunningCandidacy } from './lease-candidacy.ts'
import { followers } from './lease-follower.ts'
import { watches } from './lease-watch.ts'

export interface LeaseSessionOptions {
  readonly timing: LeaseTiming
  /** A holder gives up this long after it sent its last successful write, in ms. @default the lease */
  readonly renewDeadlineMs?: number
  /** A holder renews this long after it sent its last successful write, in ms. @default a third of the lease */
  readonly renewMs?: number
  /** How long one request may take, in ms. @default `renewMs` */
  readonly attemptMs?: number
  /** The longest pause of a holder between two attempts, in ms. @default `renewMs` */
  readonly retryMs?: number
  /** How often a waiting candidate and an observer read, in ms. @default a third of the lease */
  readonly pollMs?: number
  /** Tells this process from others with its candidate id. @default random */
  readonly incarnation?: string
}

/**
 * A session on a store that keeps one record with conditional writes for each election (DESIGN §3).
 *
 * Each election has its own lease in its own record, so that the session ties nothing together at the store: what it
 * shares is the candidate's id and incarnation. A process that starts again waits for its own old lease like any
 * successor. Frees an election by release or expiry only, so it supports the exclusivity `time`.
 *
 * Not guaranteed: that the record is free once a leadership expired. A renewal whose reply was lost may land after it and
 * hold the record for another lease; a new candidacy of this session takes it back at once, others wait.
 *
 * @throws INVALID_OPTIONS if the lease is too short for its clock bounds
 */
export function leaseSession<V extends VersionValue>(
  store: LeaseStore<V>,
  env: BackendEnv,
  request: SessionRequest,
  options: LeaseSessionOptions,
): Session {
  const durations = leaseDurations(options, request.leaseMs)
  const incarnation = options.incarnation ?? env.random.id()
  const shared = watches(store, env, durations.pollMs)
  const observers = followers({ store, env, watches: shared, settings: durations })
  const candidacies = new Map<string, Entered>()
  const answered = new Set<string>()
  let closing: Promise<void> | undefined

  const close = async (o: Cancellable): Promise<void> => {
    observers.closeAll()
    await Promise.all([...candidacies.values()].map((entered) => leaveAll(entered, o)))
    await shared.settled()
  }

  return {
    scope: store.scope,
    enter(candidacyRequest, on) {
      const { election, exclusivity } = candidacyRequest
      if (closing !== undefined) throw closed()
      const previous = candidacies.get(election)
      if (previous?.running.isEnded() === false) throw alreadyStands(election, request.candidateId)
      const settings: LeaseSettings = {
        ...durations,
        id: request.candidateId,
        incarnation,
        election,
        exclusivity,
        preferenceMs: durations.renewMs,
      }
      const running = runCandidacy({ store, env, watches: shared, settings, answered }, candidacyRequest, on)
      const over = Promise.all([previous?.over, running.over])
      const entered: Entered = { running, previous, over }
      candidacies.set(election, entered)
      void over.then(() => {
        entered.previous = undefined
        if (candidacies.get(election) === entered) candidacies.delete(election)
      })
      // Two candidacies of one process look alike in the record: the older ones first finish their release.
      if (previous === undefined) running.start()
      else void previous.over.then(running.start)
      return running.candidacy
    },
    observe(election, on) {
      if (closing !== undefined) throw closed()
      return observers.observe(election, on)
    },
    close(o) {
      closing ??= close(o)
      return closing
    },
  }
}

/** A candidacy, and those before it in its election that may still be releasing. */
interface Entered {
  readonly running: RunningCandidacy
  previous: Entered | undefined
  readonly over: Promise<unknown>
}

async function leaveAll(entered: Entered, o: Cancellable): Promise<void> {
  for (let each: Entered | undefined = entered; each !== undefined; each = each.previous)
    void each.running.candidacy.leave(o)
  await entered.over
}

/** Reading only: no candidate, no session. */
export function leaseObserver<V extends VersionValue>(
  store: LeaseStore<V>,
  env: BackendEnv,
  options: LeaseSessionOptions,
): Observer & { close(): Promise<void> } {
  const settings = leaseDurations(options, undefined)
  const shared = watches(store, env, settings.pollMs)
  const observers = followers({ store, env, watches: shared, settings })
  return {
    scope: store.scope,
    observe: (election, on) => observers.observe(election, on),
    close: () => {
      observers.closeAll()
      return shared.settled()
    },
  }
}

function leaseDurations(options: LeaseSessionOptions, leaseMs: number = options.timing.leaseMs) {
  const { timing, pollMs } = options
  const { maxClockDrift, tickMs } = timing
  const { renewDeadlineMs = leaseMs, renewMs = leaseMs / 3 } = options
  const { attemptMs = renewMs, retryMs = renewMs } = options
  const problems = leaseProblems({ leaseMs, maxClockDrift, tickMs })
  if (problems.length === 0 && !(holderValidityMs(renewDeadlineMs, timing) >= 2 * renewMs)) {
    problems.push(
      `leaseMs is ${leaseMs} with renewDeadlineMs ${renewDeadlineMs}, maxClockDrift ${maxClockDrift} and tickMs ${tickMs}: ` +
        `a holder could not miss one renewal; raise leaseMs, or lower tickMs`,
    )
  }
  if (pollMs !== undefined && !(pollMs > 0 && pollMs < 2 ** 31)) {
    problems.push(`pollMs is ${pollMs}: use a number of ms above 0`)
  }
  if (problems.length > 0) {
    const expected = problems.join('; ')
    throw new MandateError('INVALID_OPTIONS', expected, { option: 'leaseMs', value: leaseMs, expected })
  }
  const clocks = { maxClockDrift, tickMs }
  return { leaseMs, renewDeadlineMs, ...clocks, renewMs, attemptMs, retryMs, pollMs: pollMs ?? renewMs }
}

function closed(): MandateError<'CLOSED'> {
  return new MandateError('CLOSED', 'the session is closed: open another one', { what: 'session' })
}

function alreadyStands(election: string, id: string): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `'${id}' already stands in election '${election}': leave that candidacy first, or use another candidate id`,
    { option: 'election', value: election },
  )
}
