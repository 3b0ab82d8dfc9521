/**
 * G8: an acceptor that stops cleanly writes what it has accepted, so the life after it knows what is empty and waits for
 * nothing. That is sound only because nothing is answered between the writing and the end, and because the start after it
 * is on disk before that life says anything: its number makes the record worthless for every later one.
 */
import type { AcceptorOptions, AcceptorRecord, CleanStop, Kept, Past } from '../types.ts'
import { entryOf, isUnsure, sessionOf, tidy, type Acceptor } from './state.ts'

/** Numbers and texts in the record: with more the log would refuse it. */
const valuesMost = 30_000
const valuesOfOwner = 20
const valuesOfPast = 4

/** To be written last, and nothing may be answered from now on; null: this stop is like a crash. `now`: `clock.lower()`. */
export function stopAcceptor(acceptor: Acceptor, now: number): AcceptorRecord | null {
  // It does not know itself what an earlier life had accepted.
  if (isUnsure(acceptor, now)) return null
  const { ceiling, longestLeaseMs } = acceptor.records.at(-1) ?? acceptor.recovered
  const kept: Kept[] = []
  const past: Past[] = []
  let values = 0
  for (const [instance, { accepted, token }] of acceptor.entries) {
    if (values > valuesMost) return null
    const session = accepted === null ? undefined : acceptor.sessions.get(accepted.session)
    if (token > (accepted?.token ?? 0)) {
      past.push({ instance, token })
      values += valuesOfPast
    }
    if (accepted === null || session === undefined) continue
    const { since: _, ...owner } = accepted
    const { via, host } = session.address
    kept.push({ ...owner, leaseMs: session.leaseMs, instance, via, host })
    values += valuesOfOwner + Object.keys(owner.metadata).length
  }
  if (values > valuesMost) return null
  return { ceiling, longestLeaseMs, stopped: { life: acceptor.life, kept, past } }
}

/** What the life before this one had accepted, if it ended cleanly; null: nobody knows. */
export function keptBy({ recovered, incarnation }: AcceptorOptions): CleanStop | null {
  const { stopped } = recovered ?? {}
  return stopped?.life === incarnation - 1 ? stopped : null
}

/** Its owners count as heard at the start: to let go of them late is safe. Their digests are new, so they ask again. */
export function restore(acceptor: Acceptor, { kept, past }: CleanStop): void {
  const { startedAt } = acceptor
  acceptor.unsureUntil = startedAt
  for (const { instance, via, host, ...owner } of kept) {
    const session = sessionOf(acceptor, { session: owner.session, via, host }, owner.leaseMs, startedAt)
    const entry = entryOf(acceptor, instance)
    entry.accepted = { ...owner, since: startedAt }
    if (owner.exclusivity === 'token') entry.token = owner.token
    session.holds.add(instance)
  }
  for (const { instance, token } of past) {
    entryOf(acceptor, instance).token = token
    tidy(acceptor, instance)
  }
}
