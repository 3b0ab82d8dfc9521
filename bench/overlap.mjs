// Do two ever lead at once? Three peers as processes, thousands of elections, and what happens to a crowded machine: stalls,
// kills, busy neighbours. Nothing here is a measurement: npm run bench:overlap -- --engine bully --timing calm --elections 10000
import { fork, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { resolveTiming } from '../dist/lease/timing.js'
import { freePorts } from './cluster.mjs'
import { eachLine, now, sleep } from './figures.mjs'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'bully' },
    timing: { type: 'string', default: 'default' },
    elections: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '60' },
    busy: { type: 'string', default: '2' },
    /** Between two faults, in leases. */
    pause: { type: 'string', default: '3' },
  },
})
const elections = Number(values.elections)
const { leaseMs } = resolveTiming(values.timing)
const ids = ['a', 'b', 'c']
const folder = mkdtempSync(join(tmpdir(), 'mandate-overlap-'))
const ports = await freePorts(ids.length)
const peers = Object.fromEntries(ids.map((id, index) => [id, `127.0.0.1:${ports[index]}`]))

/** Of each election, who could believe from when until when that it leads. */
const spans = new Map()
const counts = { elected: 0, lost: 0, failure: 0, refused: 0, stalls: 0, kills: 0 }
const reasons = {}
const processes = new Map()

function start(id) {
  const child = fork(fileURLToPath(new URL('overlap-candidate.mjs', import.meta.url)), [], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const { engine, timing } = values
  child.send({ engine, id, peers, dataDir: join(folder, id), timing, elections })
  const held = new Map()
  eachLine(child.stdout, (line) => hear(id, child.pid, held, JSON.parse(line)))
  const died = new Promise((resolve) => child.once('exit', () => resolve(now())))
  // What it said before it died is still in the pipe.
  const read = new Promise((resolve) => child.stdout.once('close', resolve))
  void Promise.all([died, read]).then(([at]) => {
    for (const span of held.values()) end(span, at)
  })
  processes.set(id, child)
}

function hear(id, pid, held, { at, event, name, token, untilMs, others, ...more }) {
  if (event in counts) counts[event]++
  if (event === 'elected') {
    const span = { id, pid, token: BigInt(token), from: at, until: untilMs }
    held.set(name, span)
    spans.set(name, [...(spans.get(name) ?? []), span])
  } else if (event === 'valid') {
    const except = new Set(others)
    for (const [one, span] of held) if (!except.has(one)) span.until = Math.max(span.until, untilMs)
  } else if (event === 'lost') {
    reasons[more.reason] = (reasons[more.reason] ?? 0) + 1
    const span = held.get(name)
    if (span !== undefined) end(span, at)
    held.delete(name)
  } else if (event === 'failure' && !more.during.startsWith('release of'))
    process.stderr.write(`${id}: ${JSON.stringify(more)}\n`)
}

function end(span, at) {
  span.until = Math.min(span.until, at)
}

/** Busy for `ms`, then gone. */
const burn = (ms) =>
  spawn(process.execPath, ['-e', `const end = Date.now() + ${ms}; while (Date.now() < end);`])

const seconds = Number(values.seconds)
const neighbours = Array.from({ length: Number(values.busy) }, () => burn(seconds * 1000))
for (const id of ids) start(id)

const endAt = now() + seconds * 1000
while (now() < endAt) {
  await sleep(leaseMs * (0.3 + Number(values.pause) * Math.random()))
  const id = ids[Math.floor(Math.random() * ids.length)]
  const victim = processes.get(id)
  if (Math.random() < 0.25) {
    counts.kills++
    const gone = new Promise((resolve) => victim.once('exit', resolve))
    victim.kill('SIGKILL')
    await gone
    if (Math.random() < 0.5) await sleep(leaseMs * Math.random())
    start(id)
  } else {
    counts.stalls++
    victim.kill('SIGSTOP')
    await sleep(leaseMs * (0.2 + 1.6 * Math.random()))
    victim.kill('SIGCONT')
  }
}
const closed = [...processes.values()].map(
  (child) => new Promise((resolve) => child.stdout.once('close', resolve)),
)
for (const child of processes.values()) child.kill('SIGKILL')
for (const neighbour of neighbours) neighbour.kill()
await Promise.all(closed)
await sleep(100)
rmSync(folder, { recursive: true, force: true })

const faults = []
let changes = 0
for (const [name, all] of spans) {
  const sorted = all.toSorted((left, right) => left.from - right.from)
  for (const [index, span] of sorted.entries()) {
    const before = sorted[index - 1]
    if (before === undefined) continue
    changes++
    if (span.token <= before.token) faults.push({ name, fault: 'token', before, span })
    for (const earlier of sorted.slice(0, index))
      if (earlier.until > span.from && earlier.pid !== span.pid)
        faults.push({ name, fault: 'overlap', before: earlier, span })
  }
}
const text = (_key, value) => (typeof value === 'bigint' ? value.toString() : value)
for (const fault of faults.slice(0, 20)) process.stderr.write(`${JSON.stringify(fault, text)}\n`)
const led = spans.size
process.stdout.write(
  `${JSON.stringify({ ...values, ...counts, reasons, led, changes, faults: faults.length })}\n`,
)
process.exitCode = faults.length === 0 && led > 0 ? 0 : 1
