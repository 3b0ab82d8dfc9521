/** The log in memory. Index 1 is the first entry; index 0, term 0 stand for "before everything" (Raft Figure 2). */
import { MandateError } from '../../errors.ts'
import { assertSafeInteger, invariant } from './assert.ts'
import type { Entry } from './types.ts'

export interface Log<Data> {
  entries: Entry<Data>[]
}

/** @throws DATA_CORRUPT if the entries are not a log: gaps, falling terms, or terms above `newestTerm`. */
export function recoverLog<Data>(entries: readonly Entry<Data>[], newestTerm: number): Log<Data> {
  let previousTerm = 0
  for (const [position, entry] of entries.entries()) {
    const { index, term } = entry
    if (index === position + 1 && term >= Math.max(previousTerm, 1) && term <= newestTerm) {
      previousTerm = term
      continue
    }
    const reason = `entry ${position + 1} says index ${index}, term ${term}, after term ${previousTerm} and with hard state at term ${newestTerm}`
    throw new MandateError(
      'DATA_CORRUPT',
      `The recovered log is not a log: ${reason}. Remove this peer's data and let it join anew under another id.`,
      { file: 'log', offset: position, reason },
    )
  }
  return { entries: [...entries] }
}

export function lastIndex(log: Log<unknown>): number {
  return log.entries.length
}

export function lastTerm(log: Log<unknown>): number {
  return log.entries.at(-1)?.term ?? 0
}

/** The term of the entry at `index`; 0 for index 0; undefined behind the end. */
export function termAt(log: Log<unknown>, index: number): number | undefined {
  return index === 0 ? 0 : log.entries[index - 1]?.term
}

/** Entries `from` to `to`, both included. */
export function entriesBetween<Data>(log: Log<Data>, from: number, to: number): readonly Entry<Data>[] {
  return log.entries.slice(from - 1, to)
}

/** Writes `entries` at their places and drops whatever stood there and behind. */
export function overwrite<Data>(log: Log<Data>, entries: readonly Entry<Data>[]): void {
  const first = entries[0]
  if (first === undefined) return
  assertSafeInteger('log index', first.index + entries.length - 1)
  invariant(
    first.index <= lastIndex(log) + 1,
    `entry ${first.index} would leave a gap behind ${lastIndex(log)}`,
  )
  log.entries.length = first.index - 1
  for (const entry of entries) log.entries.push(entry)
}

/** Whether a log ending in (`index`, `term`) is at least as complete as this one: terms first, then length (Raft §5.4.1). */
export function isUpToDate(log: Log<unknown>, index: number, term: number): boolean {
  return term > lastTerm(log) || (term === lastTerm(log) && index >= lastIndex(log))
}

/**
 * After a mismatch at (`index`, `term`): the highest place below it where the logs may still agree. Skips our whole
 * conflicting term at once (Raft §5.3, end), and terms of ours that the leader cannot have before `index`.
 */
export function backUp(log: Log<unknown>, index: number, term: number): number {
  if (index > lastIndex(log)) return lastIndex(log)
  const conflicting = termAt(log, index)
  let candidate = index - 1
  while (candidate > 0) {
    const here = termAt(log, candidate) ?? 0
    if (here !== conflicting && here <= term) break
    candidate -= 1
  }
  return candidate
}
