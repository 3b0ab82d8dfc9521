/** How long two processes believed at once that they lead. */
import type { Validity } from './protocol.ts'
import type { Recorded } from './event-log.ts'

export interface Belief extends Validity {
  readonly pid: number
}

/** The last thing each leadership said of its validity: it only grows. */
export function beliefs(events: readonly Recorded[]): Belief[] {
  const last = new Map<string, Belief>()
  for (const event of events) {
    if (!('valid' in event) || event.valid === null) continue
    last.set(`${event.pid} ${event.token}`, { pid: event.pid, ...event.valid })
  }
  return [...last.values()]
}

/** The total time, in ms, in which beliefs of two processes or more hold at once. */
export function overlapMs(all: readonly Belief[]): number {
  const edges = all
    .filter(({ from, until }) => from < until)
    .flatMap(({ pid, from, until }) => [
      { at: from, pid, change: 1 },
      { at: until, pid, change: -1 },
    ])
    .toSorted((a, b) => a.at - b.at || a.change - b.change)
  const held = new Map<number, number>()
  let total = 0
  let since = 0
  for (const { at, pid, change } of edges) {
    if ([...held.values()].filter((count) => count > 0).length > 1) total += at - since
    since = at
    held.set(pid, (held.get(pid) ?? 0) + change)
  }
  return total
}
