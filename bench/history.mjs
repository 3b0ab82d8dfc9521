// Who led when, recomputed from what the processes wrote: nothing here asks the product.

/**
 * The spans in which a process could say of itself that it leads. `elected` or `first-line` begins one; `valid` extends
 * it; `lost`, or the process's exit, ends it.
 */
export function spansOf(records) {
  const spans = []
  const current = new Map()
  for (const record of records.toSorted((a, b) => a.at - b.at)) {
    const { cluster = 0, pid, id, token, at, untilMs } = record
    const span = current.get(pid)
    switch (record.event) {
      case 'elected':
      case 'first-line': {
        // `run` tells twice, and only its command acts: the supervisor's event carries no validity.
        if (untilMs === undefined) break
        const begun = { cluster, pid, id, token: BigInt(token), from: at, until: untilMs, over: false }
        current.set(pid, begun)
        spans.push(begun)
        break
      }
      case 'valid':
        if (span !== undefined && !span.over && span.token === BigInt(token))
          span.until = Math.max(span.until, untilMs)
        break
      case 'lost':
        if (span !== undefined && span.token === BigInt(token)) end(span, at)
        break
      case 'exit':
        if (span !== undefined) end(span, at)
        break
      default:
    }
  }
  return spans
}

function end(span, at) {
  if (span.over) return
  span.over = true
  span.until = Math.min(span.until, at)
}

/** How long two processes led at once, summed over all pairs. */
export function overlapMs(spans) {
  let total = 0
  const sorted = spans.toSorted((a, b) => a.from - b.from)
  for (const [index, span] of sorted.entries()) {
    for (const later of sorted.slice(index + 1)) {
      if (later.from >= span.until) continue
      if (later.cluster !== span.cluster || later.pid === span.pid) continue
      total += Math.min(span.until, later.until) - later.from
    }
  }
  return total
}

/** Leaderships whose token is not above all earlier ones of their cluster. */
export function tokenRegressions(spans) {
  const newest = new Map()
  let regressions = 0
  for (const { cluster, token } of spans.toSorted((a, b) => a.from - b.from)) {
    const before = newest.get(cluster)
    if (before !== undefined && token <= before) regressions++
    if (before === undefined || token > before) newest.set(cluster, token)
  }
  return regressions
}
