/** What a person reads: one line a step while it happens, then a table, then one line that counts. */
import type { Palette } from '../colour.ts'
import { table } from '../table.ts'
import type { DemoOptions } from './options.ts'
import type { DemoResult, Step, StepName } from './result.ts'
import type { Timing } from '../../lease/timing.ts'

const verbs: Readonly<Record<StepName, string>> = {
  elect: 'elect',
  kill: 'kill -9',
  restart: 'restart',
  resign: 'resign',
  pause: 'pause',
  resume: 'resume',
  'stale-write': 'stale write',
}

export function opening(
  { peers, timing: preset }: DemoOptions,
  { heartbeatMs, leaseMs }: Timing,
  addresses: Readonly<Record<string, string>>,
): string {
  const list = Object.entries(addresses).map(([id, address]) => `${id} ${address}`)
  return `${peers} peers, each a process: ${list.join(', ')}; timing ${preset} (heartbeat ${heartbeatMs} ms, lease ${leaseMs} ms)`
}

export function chapterTitle(exclusivity: string): string {
  return `exclusivity ${exclusivity}`
}

export function stepLine(step: Step, atMs: number, palette: Palette): string {
  const at = palette.dim(`${(atMs / 1000).toFixed(2).padStart(6)} s`)
  const what = verbs[step.step].padEnd(11)
  if (!step.ok) return `${at}  ${palette.red(what)}  ${palette.red('not as promised')}: ${step.detail}`
  const takeover =
    step.toToken === null || (step.failoverMs === null && step.from !== null)
      ? ''
      : `${palette.green(`${step.to} leads`)} with token ${step.toToken}${after(step.failoverMs, palette)}; `
  const subject = step.step === 'restart' ? `${step.to} ` : ''
  return `${at}  ${what}  ${takeover}${subject}${step.detail}`
}

function after(failoverMs: number | null, palette: Palette): string {
  return failoverMs === null ? '' : ` after ${palette.bold(`${failoverMs.toFixed(1)} ms`)}`
}

export function measuredTable(steps: readonly Step[]): string {
  const rows = steps
    .filter(({ failoverMs }) => failoverMs !== null)
    .map((step) => [
      step.exclusivity,
      verbs[step.step],
      `${step.from} -> ${step.to}`,
      `${step.fromToken} -> ${step.toToken}`,
      `${(step.failoverMs ?? 0).toFixed(1).padStart(8)} ms`,
    ])
  return table(['mode', 'event', 'leader', 'token', 'takeover'], rows)
}

export function lastLine({ ledger }: DemoResult): string {
  const { lines, duplicates, gaps, refused } = ledger
  return `${lines} lines, ${duplicates} duplicates, ${gaps} gaps, ${refused} refused`
}
