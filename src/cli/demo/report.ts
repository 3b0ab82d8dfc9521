/** What a person reads: one line a step while it happens, then a table, then one line that counts. */
import type { Exclusivity } from '../../backends/backend.ts'
import type { Palette } from '../colour.ts'
import { table } from '../table.ts'
import type { DemoOptions } from './options.ts'
import type { DemoResult, Step, StepName } from './result.ts'
import type { Takeover } from './live/state.ts'
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

const promises: Readonly<Record<Exclusivity, string>> = {
  time: 'nobody leads before every older lease has surely run out',
  token: 'the next one leads on evidence of death, and the ledger refuses older tokens',
}

export function opening(
  { peers, timing: preset }: DemoOptions,
  { heartbeatMs, leaseMs }: Timing,
  addresses: Readonly<Record<string, string>>,
): string {
  const list = Object.entries(addresses).map(([id, address]) => `${id} ${address}`)
  return (
    `${peers} peers, each a process of its own: ${list.join(', ')}\n` +
    `timing ${preset}: heartbeat ${heartbeatMs} ms, lease ${leaseMs} ms`
  )
}

export function chapterTitle(exclusivity: Exclusivity, palette: Palette): string {
  return `\n${palette.bold(`exclusivity ${exclusivity}`)}: ${promises[exclusivity]}`
}

export function stepLine(step: Step, atMs: number, palette: Palette): string {
  const subject = step.step === 'elect' ? '' : (step.from ?? step.to ?? '')
  const what = `${verbs[step.step]} ${subject}`.padEnd(13)
  const start = `${clock(atMs, palette)}  `
  if (!step.ok) return `${start}${palette.red(what)}  ${palette.red('not as promised:')} ${step.detail}`
  return `${start}${what}  ${takeover(step, palette)}${step.detail}`
}

export function noteLine(text: string, atMs: number, palette: Palette): string {
  return `${clock(atMs, palette)}  ${palette.yellow(text)}`
}

function clock(atMs: number, palette: Palette): string {
  return palette.dim(`${(atMs / 1000).toFixed(2).padStart(6)} s`)
}

function takeover({ step, to, toToken, failoverMs }: Step, palette: Palette): string {
  if (step !== 'elect' && failoverMs === null) return ''
  const after = failoverMs === null ? '' : ` after ${palette.bold(`${failoverMs.toFixed(1)} ms`)}`
  return `${palette.green(`${to} leads`)} with token ${toToken}${after}; `
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

/** The same for what a user did at the keys. */
export function takeoverTable(takeovers: readonly Takeover[]): string {
  const rows = takeovers.map(({ cause, from, to, fromToken, toToken, ms }) => [
    cause,
    `${from} -> ${to}`,
    `${fromToken} -> ${toToken}`,
    `${ms.toFixed(1).padStart(8)} ms`,
  ])
  return table(['event', 'leader', 'token', 'takeover'], rows)
}

export function lastLine({ ledger }: Pick<DemoResult, 'ledger'>): string {
  const { lines, duplicates, gaps, refused } = ledger
  return `${lines} lines, ${duplicates} duplicates, ${gaps} gaps, ${refused} refused`
}
