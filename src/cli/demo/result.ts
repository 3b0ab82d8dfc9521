/** What the demo found, as INTERFACES §3 has it. */
import type { Exclusivity } from '../../backends/backend.ts'
import type { Timing } from '../../lease/timing.ts'
import type { LedgerCount } from './audit.ts'

export type StepName = 'elect' | 'kill' | 'restart' | 'resign' | 'pause' | 'resume' | 'stale-write'

export interface Step {
  readonly step: StepName
  readonly exclusivity: Exclusivity
  readonly from: string | null
  readonly to: string | null
  readonly fromToken: string | null
  readonly toToken: string | null
  /** From the signal until the next one prints that it leads; null where nobody takes over. */
  readonly failoverMs: number | null
  readonly ok: boolean
  readonly detail: string
}

export interface DemoResult {
  readonly ok: boolean
  readonly wallMs: number
  readonly exclusivity: Exclusivity | 'both'
  readonly peers: number
  readonly timing: Timing
  readonly steps: readonly Step[]
  /** In the order in which they were won. */
  readonly tokens: readonly string[]
  readonly ledger: LedgerCount
  /** In time mode; in token mode an overlap is allowed, and harmless. */
  readonly overlapMs: number
  readonly staleWriteRefused: boolean
  /** Processes and files that are still there. */
  readonly leftover: number
}

/** What was not as promised; empty: all was. */
export function brokenPromises(result: Omit<DemoResult, 'ok'>): string[] {
  const { steps, tokens, ledger, overlapMs, leftover } = result
  const broken = steps.filter(({ ok }) => !ok).map(({ step, detail }) => `${step}: ${detail}`)
  const falling = tokens.findIndex((token, index) => BigInt(token) <= BigInt(tokens[index - 1] ?? 0))
  if (falling >= 0) broken.push(`token ${tokens[falling]} is not above the one before it`)
  if (ledger.lines === 0) broken.push('nothing was written to the ledger')
  if (ledger.duplicates > 0) broken.push(`${ledger.duplicates} lines are in the ledger twice`)
  if (ledger.gaps > 0) broken.push(`${ledger.gaps} lines are missing from the ledger`)
  if (overlapMs > 0) broken.push(`two processes believed that they lead for ${overlapMs.toFixed(3)} ms`)
  if (!result.staleWriteRefused) broken.push('no stale write was refused')
  if (leftover > 0) broken.push(`${leftover} processes or files are left`)
  return broken
}
