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
  const candidacies = new Map<string, RunningCandidacy>()
  let closing: Promise<void> | undefined

  const close = async (o: Cancellable): Promise<void> => {
    observers.closeAll()
    const running = [...candidacies.values()]
    for (const { candidacy } of running) void candidacy.leave(o)
    await Promise.all(running.map(({ over }) => over))
  }

  return {
    scope: store.scope,
    enter(candidacyRequest, on) {
      const { election, exclusivity } = candidacyRequest
      if (closing !== undefined) throw closed()
      const previous = candidacies.get(election)
      if (previous !== undefined && !previous.isEnded()) throw entered(election, request.candidateId)
      const settings: LeaseSettings = {
        ...durations,
        id: request.candidateId,
        incarnation,
        election,
        exclusivity,
        preferenceMs: durations.renewMs,
      }
      const running = runCandidacy({ store, env, watches: shared, settings }, candidacyRequest, on)
      candidacies.set(election, running)
      void running.over.then(() => {
        if (candidacies.get(election) === running) candidacies.delete(election)
      })
      // Two candidacies of one process look alike in the record: the older one first finishes its release.
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

/** Reading only: no candidate, no session. */
export function leaseObserver<V extends VersionValue>(
  store: LeaseStore<V>,
  env: BackendEnv,
  options: LeaseSessionOptions,
): Observer & { close(): Promise<void> } {
  const settings = leaseDurations(options, undefined)
  const observers = followers({
    store,
    env,
    watches: watches(store, env, settings.pollMs),
    settings,
  })
  return {
    scope: store.scope,
    observe: (election, on) => observers.observe(election, on),
    close: () => {
      observers.closeAll()
      return Promise.resolve()
    },
  }
}

function leaseDurations({ timing, pollMs }: LeaseSessionOptions, leaseMs: number = timing.leaseMs) {
  const { maxClockDrift, tickMs } = timing
  const problems = leaseProblems({ leaseMs, maxClockDrift, tickMs })
  // client-go renews at 2/15 of its lease and gives up at 10/15; a third leaves room for one failed renewal.
  const renewMs = leaseMs / 3
  if (problems.length === 0 && !(holderValidityMs(leaseMs, timing) >= 2 * renewMs)) {
    problems.push(
      `leaseMs is ${leaseMs} with maxClockDrift ${maxClockDrift} and tickMs ${tickMs}: ` +
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
  return { leaseMs, maxClockDrift, tickMs, renewMs, attemptMs: renewMs, pollMs: pollMs ?? renewMs }
}

function closed(): MandateError<'CLOSED'> {
  return new MandateError('CLOSED', 'the session is closed: open another one', { what: 'session' })
}

function entered(election: string, id: string): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `'${id}' already stands in election '${election}': leave that candidacy first, or use another candidate id`,
    { option: 'election', value: election },
  )
}
