/**
 * Sessions that died by silence, and that nobody asks about. To forget one is what a restart of this voter does to all: its
 * silence counts from its next mention, which is later than anything heard before. What a restart must not take is on disk,
 * and stays here, too: the epochs withdrawn from (`voter.withdrawn`) and those agreed to (`reopened`).
 */
import { grantorSilenceMs } from '../../lease/deadline.ts'
import type { SessionKey } from '../support/types.ts'
import { forgetSession, silenceMs } from '../support/voter.ts'
import { forgetWithdrawals } from '../support/withdrawals.ts'
import { inTheWay } from './facts.ts'
import type { Bully } from './state.ts'

/** Between two looks at all sessions, in heartbeats. */
const lookBeats = 100
/** Of its leases: so long nobody may need it to be silent for one more. */
const leasesOfSilence = 4

/** Called when a session is new here, so that what is remembered grows with those that live. */
export function forgetTheDead(bully: Bully, now: number): void {
  if (now - bully.lookedAt < lookBeats * bully.options.heartbeatMs) return
  bully.lookedAt = now
  const needed = new Set<SessionKey>([...bully.local.keys(), ...bully.waiting.keys()])
  // Whoever stands in the way would have to be waited for once more.
  for (const seat of bully.seats.values())
    for (const { stand } of inTheWay(seat)) needed.add(stand.of.session)
  const dead = new Set<SessionKey>()
  for (const [session, { facts }] of bully.known) {
    const patienceMs = leasesOfSilence * grantorSilenceMs(facts.leaseMs, bully.options.bounds)
    if (!needed.has(session) && silenceMs(bully.voter, session, now) > patienceMs) dead.add(session)
  }
  for (const session of dead) forget(bully, session)
  for (const seat of bully.seats.values())
    for (const session of seat.standing.keys()) if (dead.has(session)) seat.standing.delete(session)
}

function forget(bully: Bully, session: SessionKey): void {
  const id = bully.known.get(session)?.facts.id
  if (id !== undefined && bully.newest.get(id) === session) bully.newest.delete(id)
  bully.known.delete(session)
  bully.clearing.delete(session)
  forgetWithdrawals(bully.withdrawals, session)
  forgetSession(bully.voter, session)
}
