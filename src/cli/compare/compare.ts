/** `mandate compare`: the embedded engines under the same schedule of faults, side by side. */
import { contenders, type Contender } from '../../compare/contenders.ts'
import type { ComparedRow, Distribution, Traffic } from '../../compare/row.ts'
import { simulatedRow, type ScheduleOptions } from '../../compare/simulated-row.ts'
import { version } from '../../version.ts'
import type { CommandContext } from '../command.ts'
import { exitCode } from '../exit-codes.ts'
import { print, printError, printJson } from '../streams.ts'
import { table } from '../table.ts'
import { compareOptions } from './options.ts'

export async function compare(context: CommandContext): Promise<number> {
  const beganAt = performance.now()
  const { json, ...schedule } = compareOptions(context)
  const rows: ComparedRow[] = []
  for (const { contender, exclusivity } of entries()) {
    if (process.stderr.isTTY) printError(`mandate: ${contender.name}, ${exclusivity}`)
    rows.push(await simulatedRow(contender, exclusivity, schedule))
  }
  const wallMs = Math.round(performance.now() - beganAt)
  if (json) printJson('compare', version, { wallMs, seed: String(schedule.seed), rows })
  else print(report(rows, schedule))
  return exitCode.done
}

function entries(): readonly {
  readonly contender: Contender
  readonly exclusivity: 'time' | 'token'
}[] {
  return contenders.flatMap((contender) =>
    contender.exclusivity.map((exclusivity) => ({ contender, exclusivity })),
  )
}

function report(rows: readonly ComparedRow[], { peers, seed, trials }: ScheduleOptions): string {
  const cells = rows.map((row) => [
    `${row.engine}, ${row.exclusivity}`,
    times(row.failoverMs.crash),
    times(row.failoverMs.silentPartition),
    times(row.failoverMs.gracefulStop),
    traffic(row.idlePerSecond),
    traffic(row.perFailover),
    `${row.twoBelieversMs.total} (${row.twoBelieversMs.max})`,
    `${Math.round(row.electionsPerHourAtLoss10)}`,
  ])
  const head = [
    ...['engine', 'crash', 'silent partition', 'graceful stop', 'idle, a second', 'a crash'],
    ...['two believe', 'elections at 10 % loss'],
  ]
  return [
    `${peers} peers, seed ${seed}, ${trials} trials of each failover, simulated; ms as p50 / p99`,
    '',
    table(head, cells),
    '',
    'idle, a crash: messages / bytes / disk writes of the whole cluster; a crash: until the successor leads',
    'two believe: ms in all (at most) in which two processes said that they lead; in token mode the token protects',
    'elections at 10 % loss: an hour, although nobody was ended',
  ].join('\n')
}

function times({ p50, p99 }: Distribution): string {
  const text = (ms: number | null): string => (ms === null ? '-' : ms < 10 ? ms.toFixed(1) : ms.toFixed(0))
  return `${text(p50)} / ${text(p99)}`
}

function traffic({ messages, bytes, diskWrites }: Traffic): string {
  return `${Math.round(messages)} / ${Math.round(bytes)} / ${diskWrites.toFixed(1)}`
}
