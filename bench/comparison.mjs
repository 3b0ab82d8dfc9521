// `npm run bench:peers [-- --trials N --json]`: ours beside the npm packages and the native tool that users have today, on
// the same real servers, through the same faults. For how long two processes both said that they lead, and how long nobody did.
// Needs `npm run servers`; installs the packages into bench/peers/node_modules.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { blackHoleBefore } from './black-hole.mjs'
import {
  distribution,
  eachLine,
  heading,
  load,
  machine,
  markdownTable,
  now,
  provenance,
  round,
  sleep,
} from './figures.mjs'
import { repeatable } from './figures.mjs'
import { startServer } from './peers-servers.mjs'

const folder = fileURLToPath(new URL('peers/', import.meta.url))
const candidate = fileURLToPath(new URL('peers-candidate.mjs', import.meta.url))

const mandate = (factory, backend) => ({ system: 'mandate', options: { factory, backend } })
const address = (port) => `127.0.0.1:${port}`

/** Who stands, and on what. `gives`: a candidate's way to the server at this port. */
const systems = [
  {
    label: 'mandate/etcd, lease 5 s',
    server: 'etcd',
    gives: (port) => mandate('etcd', { endpoints: [address(port)], ttlMs: 5000 }),
  },
  {
    label: 'etcd3 1.1.2, lease 5 s',
    server: 'etcd',
    gives: (port) => ({ system: 'etcd3', options: { address: `http://${address(port)}`, ttlSeconds: 5 } }),
  },
  {
    label: 'mandate/consul, check 3 s',
    server: 'consul',
    gives: (port) => mandate('consul', { address: address(port), prefix: 'bench', checkMs: 3000 }),
  },
  {
    label: '@sesamecare-oss/redlock 1.4.0 on Redis, 3 s',
    server: 'redis',
    gives: (port) => ({ system: 'redlock', options: { port, ttlMs: 3000 } }),
  },
]

const faults = ['black hole', 'SIGSTOP', 'SIGKILL', 'SIGTERM']
/** After the takeover, how long the old leader may go on saying that it leads before the watch ends. */
const watchMs = 6000
/** A gap between two answers below this is none. */
const gapMs = 100

class Process {
  constructor(command, file, args, env = {}) {
    this.led = []
    this.says = []
    this.child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
      env: { ...process.env, ...env },
    })
    eachLine(this.child.stdout, (line) => {
      const event = command(line)
      if (event === undefined) return
      if (event.is === 'led') this.led.push(event.at)
      if (event.is !== 'lost') this.says.push(event.at)
    })
    this.gone = new Promise((resolve) => this.child.once('exit', resolve))
  }

  kill(signal) {
    this.child.kill(signal)
  }

  /** With whatever it has started. */
  async end() {
    const { pid } = this.child
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL')
    } catch {
      // Gone.
    }
    await this.gone
  }

  /** From when to when it said that it leads. */
  claims() {
    const claims = []
    for (const at of this.says) {
      const last = claims.at(-1)
      if (last !== undefined && at - last.to < gapMs) last.to = at
      else claims.push({ from: at, to: at })
    }
    return claims
  }
}

const json = (line) => (line.startsWith('{') ? JSON.parse(line) : undefined)

function overlapMs(one, other) {
  let ms = 0
  for (const a of one.claims())
    for (const b of other.claims()) ms += Math.max(0, Math.min(a.to, b.to) - Math.max(a.from, b.from))
  return ms
}

async function until(what, look, withinMs = 90_000) {
  const endMs = now() + withinMs
  while (!look()) {
    if (now() > endMs) throw new Error(`waited in vain for ${what}`)
    await sleep(2)
  }
}

/** A leads through a proxy, B waits; then A is hurt. */
async function trial(system, fault) {
  const server = await startServer[system.server]()
  const hole = await blackHoleBefore(server.port)
  const start = (id, port) =>
    new Process(json, process.execPath, [candidate, JSON.stringify({ id, ...system.gives(port) })])
  const a = start('a', hole.port)
  let b
  try {
    await until('a to lead', () => a.led.length > 0)
    b = start('b', server.port)
    // At a random moment between two renewals.
    await sleep(3000 + 2000 * Math.random())
    const since = now()
    if (fault === 'black hole') hole.swallow()
    else a.kill(fault)
    await until('b to lead', () => b.led.length > 0)
    const takeoverMs = b.led[0] - since
    if (fault === 'SIGSTOP') {
      await sleep(1000)
      a.kill('SIGCONT')
    }
    if (fault === 'black hole' || fault === 'SIGSTOP') await sleep(watchMs)
    return { takeoverMs, overlapMs: overlapMs(a, b) }
  } finally {
    await Promise.all([a.end(), b?.end()])
    hole.close()
    server.close()
  }
}

/** `consul lock` beside ours, each candidate straight at the agent: until the next one's program, or work, runs. */
async function handOver(label, signal, trials, startCandidate) {
  const server = await startServer.consul()
  const samples = []
  const running = []
  try {
    let leader = startCandidate(server, 'c0')
    running.push(leader)
    await until('a first leader', () => leader.led.length > 0)
    for (let index = 1; index <= trials; index++) {
      const next = startCandidate(server, `c${index}`)
      running.push(next)
      await sleep(1500 + 500 * Math.random())
      const since = now()
      if (signal === 'SIGKILL') void leader.end()
      else leader.kill(signal)
      await until('a successor', () => next.led.length > 0)
      samples.push(next.led[0] - since)
      leader = next
    }
  } finally {
    await Promise.all(running.map((each) => each.end()))
    server.close()
  }
  return { label, signal, ms: distribution(samples) }
}

const ours = (server, id) =>
  new Process(json, process.execPath, [
    candidate,
    JSON.stringify({
      id,
      quiet: true,
      ...mandate('consul', { address: address(server.port), prefix: 'bench', checkMs: 3000 }),
    }),
  ])
const native = (server, id) =>
  new Process((line) => (line === `leads ${id}` ? { is: 'led', at: now() } : undefined), server.program, [
    'lock',
    `-http-addr=${address(server.port)}`,
    'bench/bench',
    `echo leads ${id}; exec sleep 100000`,
  ])

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    trials: { type: 'string', default: '5' },
    // One part only: `faults` or `handover`; and of the faults only those of systems with this in their label.
    only: { type: 'string' },
    system: { type: 'string', default: '' },
    signal: { type: 'string', default: '' },
  },
})
const trials = Number(values.trials)
if (!existsSync(`${folder}node_modules/etcd3`))
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'], {
    cwd: folder,
    stdio: 'ignore',
  })

const at = Date.now()
const loads = [load()]
const say = (text) => process.stderr.write(text)
const rows = []
const asked = values.only === 'handover' ? [] : systems.filter(({ label }) => label.includes(values.system))
for (const system of asked) {
  for (const fault of faults.filter((each) => each.includes(values.signal))) {
    const samples = []
    for (let index = 0; index < trials; index++) {
      try {
        samples.push(await trial(system, fault))
      } catch (error) {
        say(`${system.label}, ${fault}: ${error.message}\n`)
      }
      say(`\r${system.label}, ${fault}: ${index + 1}/${trials}   `)
    }
    say('\n')
    loads.push(load())
    rows.push({
      ...{ label: system.label, fault, trials: samples.length },
      overlapMs: distribution(samples.map((each) => each.overlapMs)),
      takeoverMs: distribution(samples.map((each) => each.takeoverMs)),
    })
  }
}
const contests = [
  { label: 'mandate/consul, check 3 s', signal: 'SIGTERM', count: 20, start: ours },
  { label: 'consul lock', signal: 'SIGTERM', count: 20, start: native },
  { label: 'mandate/consul, check 3 s', signal: 'SIGKILL', count: 10, start: ours },
  { label: 'consul lock', signal: 'SIGKILL', count: 2, start: native },
]
const handOvers = []
for (const { label, signal, count, start } of values.only === 'faults' ? [] : contests) {
  if (!signal.includes(values.signal)) continue
  handOvers.push(await handOver(label, signal, count, start))
  say(`${label}, ${signal}\n`)
}
loads.push(load())

if (values.json) {
  const result = {
    ...heading('bench:peers'),
    at,
    machine: machine(),
    wallMs: Date.now() - at,
    watchMs,
    rows,
    handOvers,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
} else {
  const table = markdownTable(
    [
      'candidates',
      'the leader',
      'n',
      'ms with two leaders: median',
      'max',
      'next leader after, ms: median',
      'max',
    ],
    rows.map(({ label, fault, overlapMs: two, takeoverMs }) => [
      ...[
        label,
        fault,
        two.n,
        round(two.p50, 0),
        `${round(two.max, 0)}${two.max !== null && two.max > watchMs - 500 ? ' (the watch ended)' : ''}`,
      ],
      ...[round(takeoverMs.p50, 0), round(takeoverMs.max, 0)],
    ]),
  )
  const second = markdownTable(
    ['candidates', 'the leader', 'n', 'ms: p50', 'p90', 'max'],
    handOvers.map(({ label, signal, ms }) => [
      label,
      signal,
      ms.n,
      round(ms.p50),
      round(ms.p90),
      round(ms.max),
    ]),
  )
  process.stdout.write(
    `${table}\n\n${second}\n\n${provenance(repeatable('bench:peers'), machine(), loads, at)}\n`,
  )
}
