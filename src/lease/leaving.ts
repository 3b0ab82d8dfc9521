/** Cancel, resign, hand over: nothing of ours may stay behind, or land later, without being undone. */
import type {
  LeaseEffect,
  LeaseInput,
  LeaseState,
  LeaveResult,
  Leaving,
  LeavingStep,
  Now,
  Step,
} from './machine-types.ts'
import { acquired, isOwn, released } from './record.ts'
import type { LeaseRecord, LeaseWrite, VersionValue } from './record.ts'
import { backoff, first, leavingBy, over, read, stay, write } from './requests.ts'

/**
 * A holder releases the version it knows. A candidate whose acquisition is under way or unanswered must know what
 * became of it; all others just go.
 */
export function leave<V extends VersionValue>(state: LeaseState<V>, now: Now, preferred?: string): Step<V> {
  const { phase, settings } = state
  const start = (wasHolder: boolean): Omit<Leaving<V>, 'is' | 'step'> => ({
    wasHolder,
    preferred,
    untilMs: now.lowerMs + settings.leaseMs,
    releaseSent: false,
  })
  const quiet: LeaseEffect<V>[] = [
    { type: 'disarm', timer: 'look' },
    { type: 'disarm', timer: 'renew' },
    { type: 'disarm', timer: 'deadline' },
  ]
  const go = { ...state, failures: 0 }
  if (phase.is === 'leading') {
    const { request, grant } = phase
    if (request?.is === 'renewal') {
      const step = { is: 'awaiting', request: request.id, next: request.next, expect: grant.version } as const
      return first(quiet, stay({ ...go, phase: leavingBy(start(true), step) }))
    }
    if (phase.uncertain || request?.is === 'check') return first(quiet, lookUp(go, start(true)))
    return first(quiet, release(go, start(true), grant.record, grant.version))
  }
  if (phase.is === 'acquiring') {
    const { request, next, expect } = phase
    const step = { is: 'awaiting', request, next, expect } as const
    return first(quiet, stay({ ...go, phase: leavingBy(start(false), step) }))
  }
  const leftover = state.observation !== null && isOwn(state.observation.record, settings)
  if (phase.is !== 'over' && (state.unresolved !== null || leftover)) {
    return first(quiet, lookUp(go, start(false)))
  }
  return done(state, phase.is === 'over' ? 'was-not-holder' : 'left')
}

export function stepLeaving<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Leaving<V>,
  input: LeaseInput<V>,
  now: Now,
): Step<V> {
  const { step } = phase
  switch (input.type) {
    case 'give-up':
      return done(state, 'unknown')
    case 'timer':
      if (step.is !== 'pausing' || input.timer !== 'look') return stay(state)
      return lookUp(state, phase)
    case 'write-done':
      if (step.is === 'awaiting' && input.request === step.request) {
        return awaited(state, phase, step, input.outcome, now)
      }
      if (step.is === 'releasing' && input.request === step.request) {
        return releasedOrNot(state, phase, input, now)
      }
      return stay(state)
    case 'read-done':
      if (step.is !== 'reading' || input.request !== step.request) return stay(state)
      return found(state, phase, input.outcome, now)
    default:
      return stay(state)
  }
}

/** The write that was under way when we were told to leave. */
function awaited<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Leaving<V>,
  { next, expect }: Extract<LeavingStep<V>, { is: 'awaiting' }>,
  outcome: LeaseWrite<V>,
  now: Now,
): Step<V> {
  switch (outcome.is) {
    case 'applied':
      return release(state, phase, next, outcome.version)
    case 'unknown':
      return lookUpSoon({ ...state, unresolved: { expect } }, phase, now)
    case 'conflict':
    case 'rejected':
      // Nothing of a candidate's can be in the record, unless an earlier write of its own was in the way.
      if (!phase.wasHolder && state.unresolved === null) return done(state, 'left')
      return lookUpSoon(state, phase, now)
    default:
      return outcome satisfies never
  }
}

function releasedOrNot<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Leaving<V>,
  { outcome }: Extract<LeaseInput<V>, { type: 'write-done' }>,
  now: Now,
): Step<V> {
  switch (outcome.is) {
    case 'applied':
      return done(state, 'left')
    case 'conflict':
      return lookUpSoon(state, phase, now)
    case 'unknown':
      return lookUpSoon(state, { ...phase, releaseSent: true }, now)
    case 'rejected':
      return first(
        [{ type: 'report', during: 'release', error: outcome.error }],
        lookUpSoon({ ...state, failures: state.failures + 1 }, phase, now),
      )
    default:
      return outcome satisfies never
  }
}

function found<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Leaving<V>,
  outcome: Extract<LeaseInput<V>, { type: 'read-done' }>['outcome'],
  now: Now,
): Step<V> {
  if (outcome.is === 'failed') {
    return first(
      [{ type: 'report', during: 'release', error: outcome.error }],
      lookUpSoon({ ...state, failures: state.failures + 1 }, phase, now),
    )
  }
  const { record, version } = outcome
  if (record !== null && isOwn(record, state.settings)) return release(state, phase, record, version)
  if (state.unresolved !== null && state.unresolved.expect === version) {
    // Our acquisition has not landed but still may. It expects this version, which we are entitled to take: a released
    // record in its place makes sure that it never does.
    const terms = { ...state.settings, metadata: {} }
    return release(state, phase, acquired(record, state.settings, terms), version)
  }
  const gone = !phase.wasHolder || phase.releaseSent || record?.holder === ''
  return done(state, gone ? 'left' : 'was-not-holder')
}

function release<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Omit<Leaving<V>, 'is' | 'step'>,
  record: LeaseRecord,
  version: V,
): Step<V> {
  return write(state, released(record, phase.preferred), version, (request) =>
    leavingBy(phase, { is: 'releasing', request, version }),
  )
}

function lookUp<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Omit<Leaving<V>, 'is' | 'step'>,
): Step<V> {
  return read(state, (request) => leavingBy(phase, { is: 'reading', request }))
}

/** At once the first time, then after growing pauses, until expiry has freed the election anyway. */
function lookUpSoon<V extends VersionValue>(state: LeaseState<V>, phase: Leaving<V>, now: Now): Step<V> {
  if (now.lowerMs >= phase.untilMs) return done(state, 'unknown')
  const next = { ...state, failures: state.failures + 1 }
  if (next.failures === 1) return lookUp(next, phase)
  return stay(
    { ...next, phase: leavingBy(phase, { is: 'pausing' }) },
    { type: 'arm', timer: 'look', afterMs: backoff(next, state.settings.retryMs) },
  )
}

function done<V extends VersionValue>(state: LeaseState<V>, result: LeaveResult): Step<V> {
  const step = over(state)
  return { state: step.state, effects: [...step.effects, { type: 'left', result }] }
}
