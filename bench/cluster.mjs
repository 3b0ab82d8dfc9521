// Three or five candidates as processes, and everything they say. A candidate is `candidate.mjs` (kind library) or
// `mandate run` with `command.mjs` (kind run).
import { engines } from './engines.mjs'
import { fork, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eachLine, now } from './figures.mjs'

const file = (name) => fileURLToPath(new URL(name, import.meta.url))
const addresses = (ports) => mapValues(ports, (port) => `127.0.0.1:${port}`)
const mapValues = (object, change) =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]))

export async function freePorts(count) {
  const servers = []
  for (let i = 0; i < count; i++) {
    const server = createServer()
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push(server)
  }
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** What was heard, and who waits to hear something. */
class Ear {
  /** Who leads by the lines read so far; null between two leaderships. */
  leader = null
  #waiters = new Set()
  #record

  constructor(record) {
    this.#record = record
  }

  hear(event) {
    this.#record?.(event)
    if (event.event === 'elected') this.leader = event.id
    else if (event.id === this.leader && (event.event === 'lost' || event.event === 'exit'))
      this.leader = null
    for (const waiter of [...this.#waiters]) waiter(event)
  }

  next(what, matches, patienceMs = 30_000) {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
      }
      const waiter = (event) => {
        if (!matches(event)) return
        settle()
        resolve(event)
      }
      const timer = setTimeout(() => {
        settle()
        reject(new Error(`not within ${patienceMs} ms: ${what}`))
      }, patienceMs).unref()
      this.#waiters.add(waiter)
    })
  }
}

/** All peers' addresses become those of proxies that hide a death (see proxies.mjs). */
async function hideDeaths(ports) {
  const child = fork(file('proxies.mjs'))
  const answer = new Promise((resolve) => child.once('message', resolve))
  child.send({ ports })
  const { proxies } = await answer
  return { peers: addresses(proxies), bury: () => child.send('bury'), close: () => child.kill() }
}

const forkCandidate = () => fork(file('candidate.mjs'), [], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })

function startLibrary({ id, peers, ports, folder, row, reports, child = forkCandidate() }) {
  child.send({
    engine: row.backend ?? 'raft',
    id,
    peers,
    listen: `127.0.0.1:${ports[id]}`,
    dataDir: join(folder, id),
    timing: row.timing,
    exclusivity: row.exclusivity,
    reports,
  })
  return child
}

function startRun({ id, peers, folder, row }) {
  const list = Object.entries(peers).map(([peer, address]) => `${peer}@${address}`)
  const { heartbeatMs, electionTimeoutMs } = row.timing
  const keys = `heartbeat=${heartbeatMs}ms&election-timeout=${electionTimeoutMs.join('ms-')}ms`
  const child = spawn(
    process.execPath,
    [
      ...[file('../bin/mandate.js'), 'run', 'bench', '--self', id, '--data', join(folder, id)],
      ...[
        '--exclusivity',
        row.exclusivity,
        '--lease',
        `${row.timing.leaseMs}ms`,
        '--grace',
        `${row.graceMs}ms`,
      ],
      ...['--log-format', 'json', '--', process.execPath, file('command.mjs')],
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], MANDATE_BACKEND: `raft://${list.join(',')}?${keys}` },
    },
  )
  return child
}

export async function startCluster({ row, record, reports = true, number = 0 }) {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-'))
  const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, row.peers)
  const free = await freePorts(row.peers)
  const ports = Object.fromEntries(ids.map((id, index) => [id, free[index]]))
  const proxies = row.hint === 'off' ? await hideDeaths(ports) : null
  const peers = proxies?.peers ?? addresses(ports)
  const ear = new Ear(record)
  const processes = new Map()
  const asked = engines[row.backend ?? 'raft']({
    peers,
    timing: row.timing,
    onBackgroundFailure: () => undefined,
  })

  /** Has imported everything, and waits to be told who it is. */
  let spare

  function start(id) {
    const launch = row.kind === 'run' ? startRun : startLibrary
    const child = launch({ id, peers, ports, folder, row, reports, child: spare })
    spare = undefined
    const hear = (event) =>
      ear.hear({ ...event, id, pid: event.pid ?? child.pid, cluster: number, seen: now() })
    eachLine(child.stdout, (line) => {
      // An fsync is told by a thread that does not know whose it is.
      if (line.startsWith('{')) hear(JSON.parse(line))
    })
    // The events of `run` carry the wall clock, which nothing else here uses: their arrival counts.
    if (child.stderr !== null) {
      eachLine(child.stderr, (line) => line.startsWith('{') && hear({ ...JSON.parse(line), at: now() }))
    }
    child.once('exit', () => hear({ at: now(), event: 'exit' }))
    processes.set(id, child)
  }

  return {
    ids,
    start,
    next: ear.next.bind(ear),
    leader: () => ear.leader,
    process: (id) => processes.get(id),
    /** Ends what the proxies still hold open to the dead. */
    bury: () => proxies?.bury(),
    /** Keeps a process ready for the next `start`. */
    prepare() {
      if (row.kind !== 'run') spare ??= forkCandidate()
    },
    order: (id, what, more = {}) => processes.get(id)?.send({ do: what, ...more }),
    /** Raft's own leader and term, by the peers' word. */
    async raftState() {
      const { answers } = await asked.status({ timeoutMs: 1000 })
      const newest = answers.toSorted((a, b) => b.term - a.term)[0]
      const leading = answers.find(({ term, leader }) => term === newest?.term && leader !== null)
      return { term: newest?.term ?? null, leader: leading?.leader ?? null, answers: answers.length }
    },
    async close() {
      for (const child of [...processes.values(), spare]) child?.kill('SIGKILL')
      proxies?.close()
      await asked.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
