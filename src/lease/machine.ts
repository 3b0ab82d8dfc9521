/**
 * Acquire, renew, expire, release: one candidacy on a record with conditional writes, as a function of (state, input,
 * now) to effects. Shared by every store that offers such a record (DESIGN §3).
 *
 * - A foreign record is dead only after we saw the same version for its own lease(1 + rho) + tick, counted from the
 *   answer that first showed it; the takeover is conditional on that very version.
 * - Only an applied write wins or renews, and counts from before it was sent. A lost reply is looked up before anything
 *   else is done; what is found gives a version to write on, never a deadline.
 * - One request at a time. All acquiring writes whose fate is open expect one version, so at most one can land.
 * - Every acquisition is a new write with a new token, also over our own record.
 */
import { look, stepCandidate } from './candidate.ts'
import { stepHolder } from './holder.ts'
import { leave, stepLeaving } from './leaving.ts'
import type { LeaseInput, LeaseSettings, LeaseState, Now, Step } from './machine-types.ts'
import type { Metadata, VersionValue } from './record.ts'
import { stay } from './requests.ts'

/** `answered`: the store did so to an earlier candidacy of this one. */
export function newCandidacy<V extends VersionValue>(
  settings: LeaseSettings,
  metadata: Metadata,
  answered = false,
): LeaseState<V> {
  return {
    settings,
    phase: { is: 'new' },
    metadata,
    proclaims: 0,
    lastRequest: 0,
    failures: 0,
    answered,
    announced: false,
    observation: null,
    namesakeRenewals: 0,
    unresolved: null,
  }
}

export function stepLease<V extends VersionValue>(
  state: LeaseState<V>,
  input: LeaseInput<V>,
  now: Now,
): Step<V> {
  const { phase } = state
  if (input.type === 'leave' && phase.is !== 'leaving') return leave(state, now)
  switch (phase.is) {
    case 'new':
      return input.type === 'start' ? look(state) : stay(state)
    case 'looking':
    case 'waiting':
    case 'acquiring':
      return stepCandidate(state, phase, input, now)
    case 'leading':
      return stepHolder(state, phase, input, now)
    case 'leaving':
      return stepLeaving(state, phase, input, now)
    case 'over':
      return stay(state)
    default:
      return phase satisfies never
  }
}
