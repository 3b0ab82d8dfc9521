/** The sum over many seeds, in the order of the seeds, so that it can be written down and gone on with. */
import { createHash } from 'node:crypto'
import type { SeedSummary } from './summary.ts'

export interface Totals {
  readonly seeds: number
  readonly peers: readonly [min: number, max: number]
  readonly simulatedMs: number
  readonly elections: number
  readonly raftElections: number
  readonly events: number
  readonly modes: { readonly safety: number; readonly liveness: number }
  readonly injected: Readonly<Record<string, number>>
  readonly checked: Readonly<Record<string, number>>
  /** Each seed's hash, hashed with what came before: equal exactly if all traces were. */
  readonly traceHash: string
  readonly violations: number
}

export const noTotals: Totals = {
  seeds: 0,
  peers: [Number.MAX_SAFE_INTEGER, 0],
  simulatedMs: 0,
  elections: 0,
  raftElections: 0,
  events: 0,
  modes: { safety: 0, liveness: 0 },
  injected: {},
  checked: {},
  traceHash: '',
  violations: 0,
}

export function withSeed(totals: Totals, seed: SeedSummary): Totals {
  const [least, most] = totals.peers
  return {
    seeds: totals.seeds + 1,
    peers: [Math.min(least, seed.peers), Math.max(most, seed.peers)],
    simulatedMs: totals.simulatedMs + seed.simulatedMs,
    elections: totals.elections + seed.elections,
    raftElections: totals.raftElections + seed.raftElections,
    events: totals.events + seed.events,
    modes: { ...totals.modes, [seed.mode]: totals.modes[seed.mode] + 1 },
    injected: summed(totals.injected, seed.injected),
    checked: summed(totals.checked, seed.checked),
    traceHash: createHash('sha256').update(totals.traceHash).update(seed.traceHash).digest('hex'),
    violations: totals.violations + seed.violations.length,
  }
}

function summed(
  left: Readonly<Record<string, number>>,
  right: Readonly<Record<string, number>>,
): Record<string, number> {
  const sums: Record<string, number> = { ...left }
  for (const [key, value] of Object.entries(right)) sums[key] = (sums[key] ?? 0) + value
  return sums
}
