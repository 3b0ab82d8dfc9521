// Where the time of a failover goes, from the records of `bench:failover --raw FILE`: node bench/steps.mjs FILE
// The log's fsyncs are the milestones: what a peer decides is on its disk before it tells anybody.
import { readFileSync } from 'node:fs'
import { distribution, fail, markdownTable, round } from './figures.mjs'

const [file = fail('usage: node bench/steps.mjs FILE')] = process.argv.slice(2)
const records = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line))

const begins = new Set(['SIGKILL', 'SIGTERM', 'resigning'])

function stepsOf(row) {
  const own = records.filter((record) => record.row === row).toSorted((a, b) => a.at - b.at)
  const trials = []
  for (const [index, record] of own.entries()) {
    if (!begins.has(record.event)) continue
    const rest = own.slice(index + 1)
    const elected = rest.find(({ event, id }) => event === 'elected' && id !== record.id)
    if (elected === undefined || rest.some(({ event, at }) => begins.has(event) && at < elected.at)) continue
    trials.push(stepsOfTrial(record, rest, elected))
  }
  return trials
}

function stepsOfTrial({ at: since, id: victim }, rest, elected) {
  const between = rest.filter(({ at }) => at <= elected.at)
  const fsyncs = between.filter(({ event, id }) => event === 'fsync' && id !== victim)
  const first = fsyncs[0]
  const last = fsyncs.at(-1)
  const exit = rest.find(({ event, id }) => event === 'exit' && id === victim)
  return {
    'signal → exit seen': (exit?.at ?? Number.NaN) - since,
    'signal → a survivor begins to write': first === undefined ? null : first.at - first.ms - since,
    'first write → last fsync before the election':
      first === undefined ? null : last.at - (first.at - first.ms),
    'in it: fsyncs of survivors': fsyncs.length,
    'in it: ms in fsync, all survivors': fsyncs.reduce((sum, { ms }) => sum + ms, 0),
    'last fsync → the successor knows': last === undefined ? null : elected.at - last.at,
    'the successor knows → its line is read': elected.seen - elected.at,
    'signal → line read': elected.seen - since,
  }
}

for (const row of new Set(records.map((record) => record.row))) {
  const trials = stepsOf(row)
  if (trials.length === 0) continue
  const rows = Object.keys(trials[0]).map((step) => {
    const values = trials
      .map((trial) => trial[step])
      .filter((value) => value !== null && !Number.isNaN(value))
    const { p50, p90, max } = distribution(values)
    return [step, ...[p50, p90, max].map((value) => round(value, 2))]
  })
  process.stdout.write(
    `\n${row}, ${trials.length} trials\n\n${markdownTable(['step', 'p50', 'p90', 'max'], rows)}\n`,
  )
}
