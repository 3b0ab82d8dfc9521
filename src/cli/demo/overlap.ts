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
  return overlapsMs(all).reduce((total, ms) => total + ms, 0)
}

/** How long each time, in ms, in which beliefs of two processes or more hold at once. */
export function overlapsMs(all: readonly Belief[]): number[] {
  const edges = all
    .filter(({ from, until }) => from < until)
    .flatMap(({ pid, from, until }) => [
      { at: from, pid, change: 1 },
      { at: until, pid, change: -1 },
    ])
    .toSorted((a, b) => a.at - b.at || a.change - b.change)
  const held = new Map<number, number>()
  const overlaps: number[] = []
  let since: number | undefined
  for (const { at, pid, change } of edges) {
    held.set(pid, (held.get(pid) ?? 0) + change)
    const believers = [...held.values()].filter((count) => count > 0).length
    if (believers > 1) since ??= at
    else if (since !== undefined) {
      overlaps.push(at - since)
      since = undefined
    }
  }
  return overlaps
}
