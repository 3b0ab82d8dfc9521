/** While leading: renew, prove that the record is still ours, end in time. */
import { holderValidityMs } from './deadline.ts'
import { leave } from './leaving.ts'
import type {
  Grant,
  HolderRequest,
  Leading,
  LeaseEffect,
  LeaseInput,
  LeaseSettings,
  LeaseState,
  Now,
  ReadOutcome,
  Seen,
  Step,
} from './machine-types.ts'
import { isOwn } from './record.ts'
import type { LeaseRecord, VersionValue } from './record.ts'
import { backoff, end, first, read, roundUp, stay, write } from './requests.ts'

/** From an applied write that is still valid. `doubted`: somebody may have written since. */
export function lead<V extends VersionValue>(
  state: LeaseState<V>,
  grant: Grant<V>,
  now: Now,
  doubted: boolean,
): Step<V> {
  const { sentAt, token } = grant
  const held = hold({ ...state, observation: null }, grant, now)
  const next = doubted && held.state.phase.is === 'leading' ? check(held.state, held.state.phase, now) : null
  const leaseMs = usedMs(grant, state.settings)
  return first([{ type: 'won', token, sentAt, leaseMs }, ...held.effects], next ?? stay(held.state))
}

/** How long after its sending a grant is believed, in ms. */
export function validityOf(grant: Grant<unknown>, settings: LeaseSettings): number {
  return holderValidityMs(usedMs(grant, settings), settings)
}

function usedMs({ record }: Grant<unknown>, { renewDeadlineMs }: LeaseSettings): number {
  return Math.min(record.leaseMs, renewDeadlineMs)
}

export function stepHolder<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Leading<V>,
  input: LeaseInput<V>,
  now: Now,
): Step<V> {
  // Before anything else, whatever happened: a late success never revives a leadership.
  const leftMs = remainingMs(state, phase.grant, now)
  if (leftMs <= 0) {
    return end(state, leftMs === Number.NEGATIVE_INFINITY ? 'suspended' : 'expired')
  }
  switch (input.type) {
    case 'timer':
      return elapsed(state, phase, input, now)
    case 'write-done':
      if (phase.request?.is !== 'renewal' || input.request !== phase.request.id) return stay(state)
      return renewed(state, phase, phase.request, input, now)
    case 'read-done':
      if (phase.request?.is !== 'check' || input.request !== phase.request.id) return stay(state)
      return checked(state, phase, input.outcome, now)
    case 'hint':
      return hinted(state, phase, input.seen, now)
    case 'proclaim': {
      const next = { ...state, metadata: input.metadata, proclaims: input.number }
      return phase.request === null ? attempt(next, phase, now) : stay(next)
    }
    case 'transfer':
      // Over before the release is sent: whoever comes next must not meet us.
      return first([{ type: 'ended', reason: 'transferred' }], leave(state, now, input.to))
    default:
      return stay(state)
  }
}

function hinted<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Leading<V>,
  seen: Seen<V> | undefined,
  now: Now,
): Step<V> {
  // Whatever is under way: somebody else in the record ends it, also while a renewal hangs.
  if (seen !== undefined && !isHeld(seen.record, state, phase)) return end(state, 'revoked', seen.record)
  // Our own renewals are told of too, and often before their answers come.
  if (phase.request !== null) return stay(state)
  return seen === undefined ? check(state, phase, now) : checked(state, phase, { is: 'read', ...seen }, now)
}

/** The record is that of this very leadership. */
function isHeld<V>(record: LeaseRecord | null, { settings }: LeaseState<V>, { grant }: Leading<V>): boolean {
  return isOwn(record, settings) && record?.transitions === grant.record.transitions
}

function elapsed<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Leading<V>,
  input: Extract<LeaseInput<V>, { type: 'timer' }>,
  now: Now,
): Step<V> {
  if (input.timer === 'deadline') return stay(state, armDeadline(state, phase.grant, now))
  // While a request is under way its answer decides when the next one is due.
  if (input.timer === 'renew' && phase.request === null) return attempt(state, phase, now)
  return stay(state)
}

/** Arms what a holder needs until its next news. */
function hold<V extends VersionValue>(state: LeaseState<V>, grant: Grant<V>, now: Now): Step<V> {
  const phase: Leading<V> = { is: 'leading', grant, request: null, uncertain: false }
  return stay({ ...state, phase }, armDeadline(state, grant, now), armRenewal(state, grant, now))
}

function attempt<V extends VersionValue>(state: LeaseState<V>, phase: Leading<V>, now: Now): Step<V> {
  return phase.uncertain ? check(state, phase, now) : renew(state, phase, now)
}

function renew<V extends VersionValue>(state: LeaseState<V>, phase: Leading<V>, now: Now): Step<V> {
  const { grant } = phase
  const next = { ...grant.record, metadata: state.metadata }
  return write(
    state,
    next,
    grant.version,
    (id) => ({ ...phase, request: { is: 'renewal', id, next, proclaims: state.proclaims } }),
    attemptMs(state, grant, now),
  )
}

function check<V extends VersionValue>(state: LeaseState<V>, phase: Leading<V>, now: Now): Step<V> {
  return read(state, (id) => ({ ...phase, request: { is: 'check', id } }), attemptMs(state, phase.grant, now))
}

function renewed<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Leading<V>,
  request: Extract<HolderRequest, { is: 'renewal' }>,
  { outcome, sentAt }: Extract<LeaseInput<V>, { type: 'write-done' }>,
  now: Now,
): Step<V> {
  switch (outcome.is) {
    case 'applied': {
      // The token stays that of the acquisition: a renewal is no new leadership.
      const grant = { ...phase.grant, sentAt, version: outcome.version, record: request.next }
      const next = { ...state, failures: 0 }
      const step =
        request.proclaims < state.proclaims
          ? first<V>([armDeadline(next, grant, now)], renew(next, { ...phase, grant, request: null }, now))
          : hold(next, grant, now)
      const leaseMs = usedMs(grant, state.settings)
      const told: LeaseEffect<V>[] = [{ type: 'renewed', sentAt, leaseMs }]
      return first([...told, ...proclaimed(state, request.proclaims)], step)
    }
    case 'conflict':
    case 'unknown':
      return uncertain(state, phase, now)
    case 'rejected':
      return first([{ type: 'report', during: 'renewal', error: outcome.error }], pause(state, phase))
    default:
      return outcome satisfies never
  }
}

/** Somebody may have changed the record, or our own lost write did: look before anything else is written. */
function uncertain<V extends VersionValue>(state: LeaseState<V>, phase: Leading<V>, now: Now): Step<V> {
  const doubting = { ...phase, uncertain: true }
  return state.failures === 0 ? check({ ...state, failures: 1 }, doubting, now) : pause(state, doubting)
}

function checked<V extends VersionValue>(
  state: LeaseState<V>,
  phase: Leading<V>,
  outcome: ReadOutcome<V>,
  now: Now,
): Step<V> {
  if (outcome.is === 'failed') {
    return first([{ type: 'report', during: 'read', error: outcome.error }], pause(state, phase))
  }
  const { record, version } = outcome
  // Another holder, or nobody: it ends at once, not at the deadline (client-go works on beside the new leader).
  if (!isHeld(record, state, phase)) return end(state, 'revoked', record)
  // Perhaps our lost renewal landed, but when it was sent is not certain: the deadline moves with the next write only.
  const known: Leading<V> = { ...phase, grant: { ...phase.grant, version }, request: null, uncertain: false }
  if (phase.uncertain) return renew(state, known, now)
  // Somebody touched the record, or deleted it: say again that it is ours.
  const soon = version === phase.grant.version ? armRenewal : armRepetition
  return stay({ ...state, phase: known }, soon(state, phase.grant, now))
}

/** The store could not be asked: again soon, until the deadline. */
function pause<V extends VersionValue>(state: LeaseState<V>, phase: Leading<V>): Step<V> {
  const next = { ...state, failures: state.failures + 1 }
  return stay(
    { ...next, phase: { ...phase, request: null } },
    { type: 'arm', timer: 'renew', afterMs: backoff(next, state.settings.retryMs) },
  )
}

function remainingMs(state: LeaseState<unknown>, grant: Grant<unknown>, now: Now): number {
  return validityOf(grant, state.settings) - now.elapsedMs(grant.sentAt)
}

/** One hung request must not eat the deadline. */
function attemptMs(state: LeaseState<unknown>, grant: Grant<unknown>, now: Now): number {
  return Math.min(state.settings.attemptMs, remainingMs(state, grant, now))
}

function armDeadline<V>(state: LeaseState<V>, grant: Grant<V>, now: Now): LeaseEffect<V> {
  const leftMs = roundUp(Math.max(0, remainingMs(state, grant, now)))
  return { type: 'arm', timer: 'deadline', afterMs: [leftMs, leftMs] }
}

function armRenewal<V>(state: LeaseState<V>, grant: Grant<V>, now: Now): LeaseEffect<V> {
  const afterMs = roundUp(Math.max(0, state.settings.renewMs - now.elapsedMs(grant.sentAt)))
  return { type: 'arm', timer: 'renew', afterMs: [afterMs, afterMs] }
}

/** At once, but not as fast as a tool that undoes whatever we write. */
function armRepetition<V>(state: LeaseState<V>, grant: Grant<V>, now: Now): LeaseEffect<V> {
  const afterMs = roundUp(Math.max(0, state.settings.retryMs / 8 - now.elapsedMs(grant.sentAt)))
  return { type: 'arm', timer: 'renew', afterMs: [afterMs, afterMs] }
}

function proclaimed<V>(state: LeaseState<V>, upTo: number): LeaseEffect<V>[] {
  return state.proclaims > 0 ? [{ type: 'proclaimed', upTo }] : []
}
