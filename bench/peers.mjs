// The peers of `bench:failover --peers-too`: each of them elects among three processes, whose leader is ended by a signal
// at a random moment, and the clock runs until another one prints that it leads. What is not installed is named and left out.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePorts } from './cluster.mjs'
import { distribution, eachLine, load, now, rssMiB, sleep } from './figures.mjs'
import { installed, programs } from './installed.mjs'
import { startEtcd } from './peers-etcd.mjs'

const javaFolder = '/usr/share/java'
const jar = (name) => join(javaFolder, `${name}.jar`)
const curatorJars = [
  'curator-recipes',
  'curator-framework',
  'curator-client',
  'guava',
  'failureaccess',
  'slf4j-nop',
]
const zookeeperJars = ['zookeeper', 'slf4j-api'].map(jar)

/** What serves the candidates, how a candidate is started, and the line by which it says that it leads. */
const peers = {
  etcdctl: {
    needs: [programs.etcd, programs.etcdctl],
    serve: () => startEtcd(),
    command: (servers, id) => [
      programs.etcdctl,
      ['--endpoints', servers.endpoints.join(','), 'elect', 'bench', id],
    ],
    leads: (line, id) => line === id,
  },
  consul: {
    needs: [programs.consul],
    serve: startConsul,
    command: (servers, id) => [
      programs.consul,
      ['lock', `-http-addr=${servers.address}`, 'bench', `echo leads ${id}; exec sleep 100000`],
    ],
    leads: (line) => line.startsWith('leads '),
  },
  curator: {
    needs: [programs.java, ...curatorJars.map(jar), ...zookeeperJars],
    serve: startZooKeeper,
    command: (servers, id) => [
      programs.java,
      [
        ...['-cp', [...curatorJars.map(jar), ...zookeeperJars].join(':')],
        ...[fileURLToPath(new URL('peers/CuratorLatch.java', import.meta.url)), servers.address, id],
      ],
    ],
    leads: (line) => line === 'leads',
  },
}

const noClocks = { maxClockDrift: null, tickMs: null }
const timed = (leaseMs) => ({ heartbeatMs: null, electionTimeoutMs: null, leaseMs, ...noClocks })

function peerRow(label, peer, signal, timing, trialsMax, perTrialMs, run = runCandidates) {
  return {
    ...{ label, backend: peer, kind: 'library', peers: 3, exclusivity: 'time', signal, timing, hint: 'on' },
    ...{ goal: { p50: null, p99: null, mean: null, falseElections: null }, quietMs: null },
    ...{ trials: trialsMax, trialsMax, perTrialMs, run },
  }
}

const etcdTiming = (heartbeatMs, electionMs) => ({
  ...{ heartbeatMs, electionTimeoutMs: [electionMs, 2 * electionMs], leaseMs: null },
  ...noClocks,
})

/** Those of which something is installed; the others are named on stderr. */
export function peerRows() {
  const say = (text) => process.stderr.write(`${text}\n`)
  const all = [
    peerRow('etcdctl elect, SIGTERM', 'etcdctl', 'SIGTERM', timed(60_000), 30, 2500),
    peerRow('etcdctl elect, SIGKILL', 'etcdctl', 'SIGKILL', timed(60_000), 2, 62_000),
    peerRow(
      'etcd servers, 100/1000 ms, SIGKILL',
      'etcd',
      'SIGKILL',
      etcdTiming(100, 1000),
      30,
      5000,
      runServers,
    ),
    peerRow('etcd servers, 10/100 ms, SIGKILL', 'etcd', 'SIGKILL', etcdTiming(10, 100), 30, 3000, runServers),
    peerRow('consul lock, SIGTERM', 'consul', 'SIGTERM', timed(15_000), 20, 2500),
    peerRow('consul lock, SIGKILL', 'consul', 'SIGKILL', timed(15_000), 3, 47_000),
    peerRow('Curator LeaderLatch, SIGTERM', 'curator', 'SIGTERM', timed(4000), 20, 4000),
    peerRow('Curator LeaderLatch, SIGKILL', 'curator', 'SIGKILL', timed(4000), 20, 7000),
  ]
  const needs = {
    ...Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, peer.needs])),
    etcd: [programs.etcd],
  }
  const there = new Set(Object.keys(needs).filter((name) => installed(needs[name], say, name)))
  return all.filter(({ backend }) => there.has(backend))
}

const patienceMs = 90_000

/** Resolves with the first thing told that fits. */
class Told {
  #takers = new Set()

  tell(event) {
    for (const taker of [...this.#takers]) taker(event)
  }

  next(what, fits) {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        this.#takers.delete(taker)
      }
      const taker = (event) => {
        if (!fits(event)) return
        end()
        resolve(event)
      }
      const timer = setTimeout(() => {
        end()
        reject(new Error(`not within ${patienceMs} ms: ${what}`))
      }, patienceMs).unref()
      this.#takers.add(taker)
    })
  }
}

async function runCandidates(row, { record, progress }) {
  const peer = peers[row.backend]
  const servers = await peer.serve()
  const told = new Told()
  const processes = new Map()
  function start(id) {
    const [file, args] = peer.command(servers, id)
    // A group of its own: what the candidate has started ends with it.
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true })
    eachLine(child.stdout, (line) => {
      const seen = now()
      if (!peer.leads(line, id)) return
      record({ at: seen, pid: child.pid, id, event: 'elected', seen })
      told.tell({ id, seen })
    })
    processes.set(id, child)
  }
  const samples = []
  const loads = [load()]
  try {
    const first = told.next('a first leader', () => true)
    for (const id of ['a', 'b', 'c']) start(id)
    let { id: leader } = await first
    for (let trial = 0; trial < row.trials; trial++) {
      await sleep(2000 + randomInt(0, 500))
      const victim = processes.get(leader)
      const sample = { rssMiB: rssMiB(victim.pid), ms: null }
      const successor = told.next('a successor', ({ id }) => id !== leader)
      const gone = new Promise((resolve) => victim.once('exit', resolve))
      const since = now()
      record({ at: since, pid: victim.pid, id: leader, event: row.signal })
      victim.kill(row.signal)
      const next = await successor
      sample.ms = next.seen - since
      samples.push(sample)
      await gone
      endGroup(victim)
      start(leader)
      leader = next.id
      progress(trial + 1)
    }
  } catch (error) {
    process.stderr.write(`\n${row.label}: ${error.message}\n`)
  } finally {
    for (const child of processes.values()) endGroup(child)
    servers.close()
  }
  return rowOf(row, samples, [...loads, load()])
}

function endGroup({ pid }) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended, with all it had started.
  }
}

/** etcd's own servers: until a survivor logs that somebody else was elected. */
async function runServers(row, { record, progress }) {
  const told = new Told()
  const [electionMs] = row.timing.electionTimeoutMs
  const hear = (event) => event.line.includes('elected leader') && told.tell(event)
  const etcd = await startEtcd({ heartbeatMs: row.timing.heartbeatMs, electionMs, hear })
  const samples = []
  const loads = [load()]
  try {
    for (let trial = 0; trial < row.trials; trial++) {
      await sleep(1500 + electionMs + randomInt(0, 500))
      const leader = await etcd.leader()
      if (leader === null) continue
      const victim = etcd.process(leader)
      const gone = new Promise((resolve) => victim.once('exit', resolve))
      const successor = told.next('a new leader', ({ id, pid }) => id !== leader && pid !== victim.pid)
      const since = now()
      record({ at: since, pid: victim.pid, id: leader, event: row.signal })
      const sample = { rssMiB: rssMiB(victim.pid), ms: null }
      victim.kill('SIGKILL')
      sample.ms = (await successor).seen - since
      samples.push(sample)
      await gone
      etcd.restart(leader)
      progress(trial + 1)
    }
  } catch (error) {
    process.stderr.write(`\n${row.label}: ${error.message}\n`)
  } finally {
    etcd.close()
  }
  return rowOf(row, samples, [...loads, load()], row.trials)
}

function rowOf(row, samples, loads, ledRaft = 0) {
  const rawMs = samples.map(({ ms }) => ms)
  const failoverMs = distribution(rawMs)
  const none = distribution([])
  const { label, backend, kind, peers: count, exclusivity, signal, timing, trials, goal } = row
  const missed = samples.length < trials ? [`${trials - samples.length} trials without a successor`] : []
  return {
    ...{ label, backend, kind, peers: count, exclusivity, signal, timing, trials, completed: samples.length },
    victimLedRaft: Math.min(ledRaft, samples.length),
    victimRssMiB: distribution(samples.map((each) => each.rssMiB).filter((mib) => mib !== null)).p50,
    ...{
      failoverMs,
      rawMs,
      overlapMs: null,
      fsyncMs: null,
      tokenRegressions: null,
      falseElections: null,
      quietMs: null,
      goal,
    },
    ...{ hint: 'on', leaderships: samples.length, electedMs: null, falseTakeovers: null, voided: 0 },
    failoverMsByVictim:
      ledRaft > 0
        ? { ledRaft: failoverMs, didNotLeadRaft: none }
        : { ledRaft: none, didNotLeadRaft: failoverMs },
    ...{ loadAverage: loads, met: missed.length === 0, missed, unjudged: [] },
  }
}

async function startConsul() {
  const [http, lan, wan, server] = await freePorts(4)
  const ports = { http, 'serf-lan': lan, 'serf-wan': wan, server, dns: -1, grpc: -1 }
  const flags = Object.entries(ports).map(([name, port]) => `-${name}-port=${port}`)
  const child = spawn(programs.consul, ['agent', '-dev', ...flags], { stdio: 'ignore' })
  await sleep(5000)
  return { address: `127.0.0.1:${http}`, close: () => child.kill('SIGKILL') }
}

async function startZooKeeper() {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-zookeeper-'))
  const [port] = await freePorts(1)
  const lines = {
    tickTime: 200,
    minSessionTimeout: 400,
    maxSessionTimeout: 40_000,
    dataDir: folder,
    clientPort: port,
  }
  const text = Object.entries({ ...lines, 'admin.enableServer': false }).map(
    ([key, value]) => `${key}=${value}\n`,
  )
  const file = join(folder, 'zoo.cfg')
  writeFileSync(file, text.join(''))
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
  const child = spawn(
    programs.java,
    ['-cp', ['/etc/zookeeper/conf', ...zookeeperJars].join(':'), main, file],
    {
      stdio: 'ignore',
    },
  )
  await sleep(4000)
  return {
    address: `127.0.0.1:${port}`,
    close() {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
