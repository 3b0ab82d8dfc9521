/** Holds the ledgers against what the writers were told: every confirmed line once, every number once, none missing. */
import type { LedgerContents } from '../../fencing/segmented-file.ts'
import type { Recorded } from './event-log.ts'

export interface LedgerCount {
  readonly lines: number
  readonly duplicates: number
  readonly gaps: number
  readonly refused: number
}

/** Of one ledger; `events` are those of its election only. */
export function audit(contents: LedgerContents, events: readonly Recorded[]): LedgerCount {
  const numbers = contents.lines.map(({ number }) => number)
  const distinct = new Set(numbers)
  const expected = Math.max(0, ...numbers)
  const present = new Set(contents.lines.map(({ number, token }) => `${number} ${token}`))
  const missing = events.filter(
    (event) =>
      event.event === 'wrote' &&
      !present.has(`${event.number} ${event.token}`) &&
      // A number beyond the last one, or written by another: counted here; an absent number is a gap already.
      (event.number > expected || distinct.has(event.number)),
  )
  return {
    lines: numbers.length,
    duplicates: numbers.length - distinct.size,
    gaps: expected - distinct.size + missing.length,
    refused: events.filter(({ event }) => event === 'refused').length,
  }
}

export function sum(counts: readonly LedgerCount[]): LedgerCount {
  const total = { lines: 0, duplicates: 0, gaps: 0, refused: 0 }
  for (const count of counts) {
    total.lines += count.lines
    total.duplicates += count.duplicates
    total.gaps += count.gaps
    total.refused += count.refused
  }
  return total
}
