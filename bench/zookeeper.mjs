// `node bench/zookeeper.mjs [--json] [--check] [--trials N]`: how long an election in ZooKeeper is without a leader, ours and
// Curator's LeaderLatch in turns on the same servers. All instants are told by the candidates themselves, by CLOCK_MONOTONIC.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findServer } from '../scripts/servers.mjs'
import { classPath } from '../scripts/servers/zookeeper.mjs'
import { distribution, eachLine, fail, heading, machine, now, sleep } from './figures.mjs'
import { startZooKeeper } from './zookeeper-servers.mjs'

const tickMs = 200
const sessionMs = 2000
const args = process.argv.slice(2)
const trials = Number(args[args.indexOf('--trials') + 1] || 50)
const crashes = Math.max(3, Math.round(trials / 5))
const file = (path) => fileURLToPath(new URL(path, import.meta.url))
const server = findServer('zookeeper') ?? fail('needs ZooKeeper: run `npm run servers zookeeper`')
const classes = mkdtempSync(join(tmpdir(), 'mandate-bench-curator-'))

/** One process that stands, resigns when told to, and tells. */
class Candidate {
  lines = []
  #child

  constructor(program, programArgs) {
    this.#child = spawn(program, programArgs, { stdio: ['pipe', 'pipe', 'ignore'] })
    eachLine(this.#child.stdout, (line) => this.lines.push(JSON.parse(line)))
  }

  order(order) {
    this.#child.stdin.write(`${order}\n`)
  }

  kill() {
    this.#child.kill('SIGKILL')
  }

  async next(is, since) {
    for (let waited = 0; waited < 30_000; waited += 1) {
      const found = this.lines.find((line) => line.is === is && line.at >= since)
      if (found !== undefined) return found
      await sleep(1)
    }
    throw new Error(`not within 30 s: ${is}`)
  }
}

const kinds = {
  mandate: (servers, id) => {
    const options = { servers, sessionMs, chroot: '/mandate' }
    const backend = { module: 'mandate/zookeeper', factory: 'zookeeper', options }
    const config = { backend, id, election: 'bench', beatMs: 1000, observes: false }
    return new Candidate(process.execPath, [
      file('../test/chaos/fixtures/candidate.mjs'),
      JSON.stringify(config),
    ])
  },
  curator: (servers, id) => {
    const jars = [classes, classPath(server.programs.jars, 'curator')].join(delimiter)
    const own = [servers.join(','), '/curator/bench', id, String(sessionMs), 'latch']
    return new Candidate(server.programs.java, ['-XX:+UseSerialGC', '-cp', jars, 'CuratorCandidate', ...own])
  },
}

/** Two candidates of a kind, of which one leads. */
class Pair {
  #start
  #leader
  #waiting
  #count = 0

  constructor(start) {
    this.#start = () => start(`c${(this.#count += 1)}`)
  }

  async open() {
    this.#leader = this.#start()
    await this.#leader.next('led', 0)
    this.#waiting = this.#start()
    await sleep(3000)
  }

  /** From the moment at which the one says that it no longer leads to that at which the other says that it does. */
  async handOver() {
    const since = now()
    this.#leader.order('resign')
    const lost = await this.#leader.next('lost', since)
    const led = await this.#waiting.next('led', since)
    ;[this.#leader, this.#waiting] = [this.#waiting, this.#leader]
    await sleep(50)
    return led.at - lost.at
  }

  async crash() {
    const since = now()
    this.#leader.kill()
    const led = await this.#waiting.next('led', since)
    this.#leader = this.#waiting
    this.#waiting = this.#start()
    await sleep(2000 + 300 * Math.random())
    return led.at - since
  }

  close() {
    this.#leader?.kill()
    this.#waiting?.kill()
  }
}

async function measure(members) {
  const servers = await startZooKeeper(server, { members, tickMs })
  const pairs = Object.fromEntries(
    Object.entries(kinds).map(([kind, start]) => [kind, new Pair((id) => start(servers.addresses, id))]),
  )
  const samples = { mandate: { resign: [], SIGKILL: [] }, curator: { resign: [], SIGKILL: [] } }
  try {
    for (const pair of Object.values(pairs)) await pair.open()
    // In turns, so that both meet the same machine; the first ones warm both programs up and do not count.
    for (let trial = -10; trial < trials; trial += 1) {
      for (const [kind, pair] of Object.entries(pairs)) {
        const ms = await pair.handOver()
        if (trial >= 0) samples[kind].resign.push(ms)
      }
    }
    for (let trial = 0; trial < crashes; trial += 1)
      for (const [kind, pair] of Object.entries(pairs)) samples[kind].SIGKILL.push(await pair.crash())
  } finally {
    for (const pair of Object.values(pairs)) pair.close()
    servers.close()
  }
  const theirs = distribution(samples.curator.resign).p50
  const goals = { resign: { p50: 1.2 * theirs }, SIGKILL: { max: sessionMs + tickMs } }
  return Object.entries(samples).flatMap(([kind, bySignal]) =>
    Object.entries(bySignal).map(([signal, rawMs]) => {
      const failoverMs = distribution(rawMs)
      const goal = kind === 'mandate' ? goals[signal] : {}
      const met = Object.entries(goal).every(([figure, limit]) => failoverMs[figure] <= limit)
      return {
        label: `${kind}, ${signal}`,
        servers: members,
        signal,
        sessionMs,
        tickMs,
        failoverMs,
        rawMs,
        goal,
        met,
      }
    }),
  )
}

const javac = ['-cp', classPath(server.programs.jars, 'curator'), '-d', classes]
execFileSync(server.programs.javac, [
  ...javac,
  file('../test/servers/zookeeper/fixtures/CuratorCandidate.java'),
])
try {
  const rows = [...(await measure(1)), ...(await measure(3))]
  if (args.includes('--json'))
    console.log(JSON.stringify({ ...heading('bench:zookeeper'), machine: machine(), at: Date.now(), rows }))
  else for (const row of rows) console.log(textLine(row))
  if (args.includes('--check') && rows.some(({ met }) => !met)) process.exitCode = 1
} finally {
  rmSync(classes, { recursive: true, force: true })
}

function textLine({ label, servers, failoverMs: { n, p50, p90, max }, goal, met }) {
  const ms = (value) => value.toFixed(1).padStart(7)
  const limit = Object.entries(goal).map(([figure, value]) => `${figure} <= ${value.toFixed(1)}`)
  const verdict = limit.length === 0 ? '' : `${met ? 'met' : 'MISSED'}: ${limit.join(', ')}`
  return `${label.padEnd(18)} ${servers} server${servers > 1 ? 's' : ' '} n ${n} p50${ms(p50)} p90${ms(p90)} max${ms(max)} ms ${verdict}`
}
