/** Background failures come in floods: a peer that is down is dialled ten times a second. Each kind is told now and then. */
import type { BackgroundFailure } from '../backends/backend.ts'

const quietMs = 10_000
const kindsMax = 100

/** Tells a failure at once, the same one again after ten seconds at the earliest. */
export function reportSparingly(say: (text: string) => void): (failure: BackgroundFailure) => void {
  const toldAtMs = new Map<string, number>()
  return ({ during, error }) => {
    const text = `${during}: ${error instanceof Error ? error.message : String(error)}`
    const nowMs = performance.now()
    if (nowMs - (toldAtMs.get(text) ?? -Infinity) < quietMs) return
    if (toldAtMs.size >= kindsMax) toldAtMs.clear()
    toldAtMs.set(text, nowMs)
    say(text)
  }
}
