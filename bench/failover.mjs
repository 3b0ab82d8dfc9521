// How long nobody leads: real processes, the leader ended at random moments (`npm run bench:failover`).
import { appendFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { expectedMs, rows } from './failover-rows.mjs'
import { markdown, textLine } from './failover-tables.mjs'
import { runRow } from './failover-trials.mjs'
import { fail, heading, load, machine, now, repeatable } from './figures.mjs'
import { peerRows } from './peers.mjs'

const usage = `npm run --silent bench:failover -- [options]
  --only TEXT     the row of that label, or else those whose label contains TEXT (repeatable)
  --trials N      trials in every row (default: 300 where a p99 is claimed, else 100)
  --quick         20 trials in every row, and 20 quiet seconds
  --quiet SECONDS how long false elections are counted in the rows that do so (default: 600 and 120)
  --json          one object on stdout; --markdown: tables for docs/performance.md
  --raw FILE      every event of every process there, one JSON object a line
  --check         exit 1 if a goal was missed
  --peers-too     also etcdctl elect, etcd's servers, consul lock and Curator, where they are installed
  --list          the rows, and how long each takes`

const options = {
  ...{ only: { type: 'string', multiple: true }, trials: { type: 'string' }, quiet: { type: 'string' } },
  ...{ raw: { type: 'string' }, json: flag(), markdown: flag(), quick: flag(), check: flag(), list: flag() },
  ...{ 'peers-too': flag(), help: flag() },
}

function flag() {
  return { type: 'boolean', default: false }
}

function read() {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return fail(`${error.message}\n${usage}`)
  }
}

const values = read()
if (values.help) {
  process.stdout.write(`${usage}\n`)
  process.exit(0)
}
const trials = values.trials === undefined ? (values.quick ? 20 : null) : Number(values.trials)
if (trials !== null && !(Number.isSafeInteger(trials) && trials > 0)) {
  fail(`--trials is ${JSON.stringify(values.trials)}: give a whole number above 0`)
}
const quietMs = values.quiet === undefined ? (values.quick ? 20_000 : null) : Number(values.quiet) * 1000
if (quietMs !== null && !(quietMs >= 0))
  fail(`--quiet is ${JSON.stringify(values.quiet)}: give seconds, 0 for none`)

const available = [...rows, ...(values['peers-too'] ? peerRows() : [])]
/** A label in full means that row, even if others contain it. */
function isMeant(label) {
  if (values.only === undefined) return true
  return values.only.some((text) =>
    available.some((row) => row.label === text) ? label === text : label.includes(text),
  )
}

const chosen = available
  .filter(({ label }) => isMeant(label))
  .map((row) => ({
    ...row,
    trials: trials === null ? row.trials : Math.min(trials, row.trialsMax ?? trials),
    quietMs: row.quietMs === null ? null : (quietMs ?? row.quietMs),
  }))
if (chosen.length === 0) {
  fail(`--only ${values.only} matches none of:\n  ${available.map(({ label }) => label).join('\n  ')}`)
}

const minutes = (ms) => (ms < 90_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`)
const say = (text) => process.stderr.write(text)
if (values.list) {
  for (const row of chosen) {
    process.stdout.write(`${row.label.padEnd(42)} ${row.trials} trials, about ${minutes(expectedMs(row))}\n`)
  }
  process.exit(0)
}
if (values.raw !== undefined) writeFileSync(values.raw, '')

async function run(row, index) {
  const begun = now()
  const place = `row ${index + 1} of ${chosen.length}: ${row.label}`
  say(
    `${place}, ${row.trials} trials, about ${minutes(expectedMs(row))}, load average ${load().toFixed(2)}\n`,
  )
  const record = (event) => {
    if (values.raw === undefined) return
    appendFileSync(values.raw, `${JSON.stringify({ row: row.label, token: null, ...event })}\n`)
  }
  const progress = (done) => {
    if (!process.stderr.isTTY) return
    const leftMs = ((now() - begun) / done) * (row.trials - done)
    say(`\r${done} of ${row.trials}, ${minutes(leftMs)} left   ${done === row.trials ? '\n' : ''}`)
  }
  const result = await (row.run ?? runRow)(row, { record, progress })
  const text = textLine(result)
  if (values.json || values.markdown) say(text)
  else process.stdout.write(text)
  return result
}

const at = Date.now()
const begun = now()
const totalMs = chosen.reduce((sum, row) => sum + expectedMs(row), 0)
say(`${chosen.length} rows, about ${minutes(totalMs)} on a quiet machine.\n`)
const results = []
for (const [index, row] of chosen.entries()) results.push(await run(row, index))

const result = { ...heading('bench:failover'), machine: machine(), at, wallMs: now() - begun, rows: results }
if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`)
if (values.markdown) {
  process.stdout.write(`${markdown(result, repeatable('bench:failover'))}\n`)
}
for (const { label, missed } of results)
  if (missed.length > 0) say(`missed: ${label}: ${missed.join('; ')}\n`)
if (values.check && results.some(({ met }) => !met)) process.exitCode = 1
