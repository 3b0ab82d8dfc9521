// How long nobody leads: real processes, the leader ended at random moments (`npm run bench:failover`).
// --json, --trials N, --only LABEL, --raw FILE (one NDJSON record for each event of each process).
import { appendFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { parseArgs } from 'node:util'
import { now, sleep, startCluster } from './cluster.mjs'

const presets = {
  fast: { heartbeatMs: 50, electionTimeoutMs: [150, 300], leaseMs: 150, maxClockDrift: 1e-3, tickMs: 1 },
  default: {
    heartbeatMs: 100,
    electionTimeoutMs: [500, 1000],
    leaseMs: 1000,
    maxClockDrift: 1e-3,
    tickMs: 1,
  },
}
const goal = (p50, p99) => ({ p50, p99, mean: null })
const rows = [
  {
    label: 'SIGKILL, token, fast',
    exclusivity: 'token',
    timing: 'fast',
    signal: 'SIGKILL',
    goal: goal(20, 60),
  },
  {
    label: 'SIGKILL, time, fast',
    exclusivity: 'time',
    timing: 'fast',
    signal: 'SIGKILL',
    goal: goal(180, 350),
  },
  {
    label: 'SIGKILL, time, default',
    exclusivity: 'time',
    timing: 'default',
    signal: 'SIGKILL',
    goal: goal(1000, 1150),
  },
  { label: 'resign', exclusivity: 'time', timing: 'default', signal: 'resign', goal: goal(5, 25) },
  { label: 'SIGTERM', exclusivity: 'time', timing: 'default', signal: 'SIGTERM', goal: goal(5, 25) },
]

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    trials: { type: 'string', default: '50' },
    only: { type: 'string' },
    raw: { type: 'string' },
  },
})
const trials = Number(values.trials)
if (!Number.isSafeInteger(trials) || trials < 1) {
  process.stderr.write(`--trials is ${JSON.stringify(values.trials)}: give a whole number above 0\n`)
  process.exit(64)
}
const chosen = rows.filter(({ label }) => values.only === undefined || label.includes(values.only))
if (chosen.length === 0) {
  process.stderr.write(
    `--only ${values.only} matches none of: ${rows.map(({ label }) => label).join('; ')}\n`,
  )
  process.exit(64)
}
if (values.raw !== undefined) writeFileSync(values.raw, '')

/** Nearest rank. */
function distribution(samples) {
  const n = samples.length
  if (n === 0) return { n, min: null, p50: null, p90: null, p99: null, max: null, mean: null }
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (q) => sorted[Math.max(0, Math.ceil(q * n) - 1)]
  return {
    n,
    min: sorted[0],
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    max: sorted[n - 1],
    mean: samples.reduce((a, b) => a + b) / n,
  }
}

async function run(row) {
  const record = (event) => {
    if (values.raw !== undefined)
      appendFileSync(values.raw, `${JSON.stringify({ row: row.label, ...event })}\n`)
    if (event.event !== 'elected') return
    const token = BigInt(event.token)
    if (token <= newest) regressions++
    newest = token
  }
  let newest = 0n
  let regressions = 0
  let victimLedRaft = 0
  const memory = []
  const rawMs = []
  const cluster = await startCluster({ size: 3, timing: row.timing, exclusivity: row.exclusivity, record })
  let { leader } = cluster
  try {
    for (let trial = 0; trial < trials; trial++) {
      await sleep(3 * presets[row.timing].leaseMs + Math.random() * presets[row.timing].heartbeatMs * 2 + 300)
      const victim = cluster.process(leader)
      const asked = cluster.next(
        'the memory of the leader',
        ({ id, event }) => id === leader && event === 'memory',
      )
      victim.send('memory')
      const { rssMiB, ledRaft } = await asked
      memory.push(rssMiB)
      if (ledRaft === true) victimLedRaft++
      await sleep(Math.random() * presets[row.timing].heartbeatMs)
      const successor = cluster.next('a successor', ({ id, event }) => event === 'elected' && id !== leader)
      let since = now()
      if (row.signal === 'resign') {
        const resigning = cluster.next('the resignation', ({ event }) => event === 'resigning')
        victim.send('resign')
        since = (await resigning).at
      } else victim.kill(row.signal)
      const elected = await successor
      // A resignation is timed from the call to the successor's own line; a signal from sending it to reading the line.
      rawMs.push((row.signal === 'resign' ? elected.at : elected.seen) - since)
      if (row.signal !== 'resign') {
        if (victim.exitCode === null && victim.signalCode === null) {
          await new Promise((resolve) => victim.once('exit', resolve))
        }
        const dead = leader
        const again = cluster.next('the restart', ({ id, event }) => id === dead && event === 'started')
        cluster.start(dead)
        await again
      }
      leader = elected.id
      if (!values.json && process.stderr.isTTY)
        process.stderr.write(`\r${row.label}: ${trial + 1} of ${trials} `)
    }
  } finally {
    cluster.close()
  }
  const failoverMs = distribution(rawMs)
  return {
    label: row.label,
    backend: 'raft',
    kind: 'library',
    peers: 3,
    exclusivity: row.exclusivity,
    signal: row.signal,
    timing: presets[row.timing],
    trials,
    completed: rawMs.length,
    victimLedRaft,
    victimRssMiB: distribution(memory).p50,
    failoverMs,
    rawMs,
    tokenRegressions: regressions,
    goal: row.goal,
    met: failoverMs.p50 <= row.goal.p50 && (rawMs.length < 300 || failoverMs.p99 <= row.goal.p99),
  }
}

const at = Date.now()
const begun = now()
process.stderr.write(`${chosen.length} rows of ${trials} trials; load average ${loadavg()[0].toFixed(2)}\n`)
const results = []
for (const row of chosen) {
  const result = await run(row)
  results.push(result)
  if (!values.json) {
    const { p50, p90, p99, max } = result.failoverMs
    const figure = (ms) => ms.toFixed(1).padStart(7)
    process.stdout.write(
      `${result.label.padEnd(24)} n ${String(trials).padStart(4)}  p50${figure(p50)}  p90${figure(p90)}  p99${figure(p99)}  max${figure(max)} ms` +
        `  goal p50 ${row.goal.p50}  led Raft ${result.victimLedRaft}  RSS ${result.victimRssMiB.toFixed(0)} MiB  token regressions ${result.tokenRegressions}\n`,
    )
  }
}
if (values.json) {
  const machine = {
    node: process.version,
    os: `${type()} ${release()}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / 1024 / 1024),
  }
  process.stdout.write(
    `${JSON.stringify({ schemaVersion: 1, command: 'bench:failover', version: '0.1.0', machine, at, wallMs: now() - begun, rows: results })}\n`,
  )
}
