/** Ways in which every part of the machine asks, pauses and ends. */
import { isMandateError } from '../errors.ts'
import type { EndReason, LeaseEffect, LeaseState, Leaving, Phase, Step } from './machine-types.ts'
import type { LeaseRecord, VersionValue } from './record.ts'

export function stay<V>(state: LeaseState<V>, ...effects: LeaseEffect<V>[]): Step<V> {
  return { state, effects }
}

/** Puts effects in front of those of a step. */
export function first<V>(effects: readonly LeaseEffect<V>[], step: Step<V>): Step<V> {
  return { state: step.state, effects: [...effects, ...step.effects] }
}

/** Sends a read; `phase` is told the number by which its answer will be known. */
export function read<V>(
  state: LeaseState<V>,
  phase: (request: number) => Phase<V>,
  timeoutMs: number = state.settings.attemptMs,
): Step<V> {
  const request = state.lastRequest + 1
  return stay({ ...state, lastRequest: request, phase: phase(request) }, { type: 'read', request, timeoutMs })
}

export function write<V>(
  state: LeaseState<V>,
  next: LeaseRecord,
  expect: V,
  phase: (request: number) => Phase<V>,
  timeoutMs: number = state.settings.attemptMs,
): Step<V> {
  const request = state.lastRequest + 1
  return stay(
    { ...state, lastRequest: request, phase: phase(request) },
    { type: 'write', request, next, expect, timeoutMs },
  )
}

/**
 * A delay to the µs, rounded up. A rest of 1e-13 ms, left over by floating-point sums, would otherwise be armed as no
 * delay at all, and be found again when it fires.
 */
export function roundUp(ms: number): number {
  return Math.ceil(ms * 1_000) / 1_000
}

/** A pause that doubles with each failure from an eighth of the retry interval up to `maxMs`, half of it drawn. */
export function backoff<V>(state: LeaseState<V>, maxMs: number): readonly [min: number, max: number] {
  const doublings = Math.min(Math.max(state.failures - 1, 0), 20)
  const ms = Math.min((state.settings.retryMs / 8) * 2 ** doublings, maxMs)
  return [ms / 2, ms]
}

/** Nothing of it remains armed, and nothing that arrives later is heard. */
export function over<V>(state: LeaseState<V>): Step<V> {
  return stay(
    { ...state, phase: { is: 'over' } },
    { type: 'disarm', timer: 'look' },
    { type: 'disarm', timer: 'renew' },
    { type: 'disarm', timer: 'deadline' },
  )
}

export function end<V>(state: LeaseState<V>, reason: EndReason, cause?: unknown): Step<V> {
  const step = over(state)
  const ended: LeaseEffect<V> =
    cause === undefined ? { type: 'ended', reason } : { type: 'ended', reason, cause }
  return { state: step.state, effects: [...step.effects, ended] }
}

/** Errors that no retry can heal: they end a candidacy that has not won. */
export function isRefusal<V>(state: LeaseState<V>, error: unknown): boolean {
  if (!isMandateError(error)) return false
  if (['INVALID_OPTIONS', 'INVALID_NAME', 'UNSUPPORTED', 'LIMIT_EXCEEDED'].includes(error.code)) return true
  // Access may be cut for a while when credentials rotate; refused from the very first request, it is a mistake.
  return !state.answered && ['UNAUTHORIZED', 'FORBIDDEN'].includes(error.code)
}

/** The leaving phase with another step; the rest of it stays. */
export function leavingBy<V extends VersionValue>(
  phase: Omit<Leaving<V>, 'is' | 'step'>,
  step: Leaving<V>['step'],
): Leaving<V> {
  const { wasHolder, preferred, untilMs, releaseSent } = phase
  return { is: 'leaving', wasHolder, preferred, untilMs, releaseSent, step }
}
