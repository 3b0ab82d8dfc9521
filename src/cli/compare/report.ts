/** What a person reads of a comparison: a table for each environment, and what its columns mean. */
import type { ComparedRow, Distribution, Traffic } from '../../compare/row.ts'
import { table } from '../table.ts'
import type { CompareOptions } from './options.ts'

const head = [
  ...['engine', 'crash', 'silent partition', 'graceful stop', 'idle, a second', 'a crash'],
  ...['two believe', 'elections at 10 % loss'],
]

const legend = [
  'times: ms as p50 / p99; until the successor leads',
  'idle, a crash: messages / bytes / disk writes of the whole cluster; a crash: until the successor leads',
  'two believe: ms in all (at most) in which two processes said that they lead; in token mode the token protects',
  'elections at 10 % loss: an hour, although nobody was ended',
]

export function report(rows: readonly ComparedRow[], options: CompareOptions): string {
  const parts = options.environments.map((environment) => {
    const { peers, seed, trials, lossMs } = options[environment]
    const cells = rows.filter((row) => row.environment === environment).map(cellsOf)
    const where = environment === 'simulator' ? 'simulated' : 'processes on this machine'
    return [
      `${where}: ${peers} peers, seed ${seed}, ${trials} trials of each failover, loss for ${lossMs / 1000} s`,
      '',
      table(head, cells),
      '',
    ].join('\n')
  })
  return [...parts, ...legend].join('\n')
}

function cellsOf(row: ComparedRow): string[] {
  const { total, max } = row.twoBelieversMs
  return [
    row.quorum ? `${row.engine}, ${row.exclusivity}` : `${row.engine}, no quorum`,
    times(row.failoverMs.crash),
    times(row.failoverMs.silentPartition),
    times(row.failoverMs.gracefulStop),
    traffic(row.idlePerSecond),
    traffic(row.perFailover),
    `${Math.round(total)} (${Math.round(max)})`,
    `${Math.round(row.electionsPerHourAtLoss10)}`,
  ]
}

function times({ p50, p99 }: Distribution): string {
  const text = (ms: number | null): string => (ms === null ? '-' : ms < 10 ? ms.toFixed(1) : ms.toFixed(0))
  return `${text(p50)} / ${text(p99)}`
}

function traffic({ messages, bytes, diskWrites }: Traffic): string {
  return `${Math.round(messages)} / ${Math.round(bytes)} / ${diskWrites.toFixed(1)}`
}
