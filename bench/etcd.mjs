// `npm run --silent bench:etcd`: our candidates and `etcdctl elect` on the same three etcd servers in the same run: how long nobody
// leads after a graceful stop and after a crash, and what a thousand elections of one process cost the servers.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Contest } from './contest.mjs'
import { distribution, eachLine, heading, load, machine, markdownTable, round, sleep } from './figures.mjs'
import { installed, programs } from './installed.mjs'
import { startEtcd } from './peers-etcd.mjs'

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '30' },
    crashes: { type: 'string', default: '10' },
    elections: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
})
const candidate = fileURLToPath(new URL('etcd-candidate.mjs', import.meta.url))
const patienceMs = 90_000
const say = (text) => process.stderr.write(`${text}\n`)

if (!installed([programs.etcd, programs.etcdctl], say, 'bench:etcd')) process.exit(69)
const started = performance.now()
const etcd = await startEtcd()
const endpoints = etcd.endpoints.map((url) => url.replace('http://', '')).join(',')

const kinds = {
  mandate: (name, id, ttlMs) => [process.execPath, [candidate, endpoints, name, id, String(ttlMs)]],
  etcdctl: (name, id) => [programs.etcdctl, ['--endpoints', endpoints, 'elect', name, id]],
}

const contestOf = (kind, name, ttlMs) => new Contest({ name, command: (id) => kinds[kind](name, id, ttlMs) })

/** Both in turn, so that whatever else the machine does hurts both. */
async function graceful(trials) {
  const contests = ['mandate', 'etcdctl'].map((kind) => ({
    kind,
    contest: contestOf(kind, `graceful-${kind}`, 5000),
  }))
  try {
    for (const { contest } of contests) await contest.open()
    for (let trial = 0; trial < trials; trial++)
      for (const { contest } of contests) await contest.trial('SIGTERM')
    return Object.fromEntries(contests.map(({ kind, contest }) => [kind, contest.rawMs]))
  } finally {
    for (const { contest } of contests) contest.close()
  }
}

async function crashes(ttlMs, trials) {
  const contest = contestOf('mandate', `crash-${ttlMs}`, ttlMs)
  try {
    await contest.open()
    for (let trial = 0; trial < trials; trial++) await contest.trial('SIGKILL')
    return contest.rawMs
  } finally {
    contest.close()
  }
}

/** Messages that the servers got from a process that leads so many elections, per second, by method. */
async function renewals(elections) {
  const args = [candidate, endpoints, `many-${elections}`, 'a', '5000', String(elections)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  eachLine(child.stdout, (line) => (told = line))
  const all = `leads ${elections} of ${elections}`
  for (let waited = 0; told !== all; waited += 100) {
    if (waited > patienceMs) throw new Error(`not all elections are led: ${told}`)
    await sleep(100)
  }
  await sleep(2000)
  const before = await received()
  const seconds = 15
  await sleep(seconds * 1000)
  const after = await received()
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
  const perSecond = Object.fromEntries(
    Object.entries(after).map(([method, count]) => [method, (count - (before[method] ?? 0)) / seconds]),
  )
  return {
    elections,
    ledAtTheEnd: told,
    perSecond: Object.fromEntries(Object.entries(perSecond).filter(([, n]) => n > 0)),
  }
}

async function received() {
  const total = {}
  for (const endpoint of etcd.endpoints) {
    const text = await (await fetch(`${endpoint}/metrics`)).text()
    for (const [, method, count] of text.matchAll(
      /^grpc_server_msg_received_total\{grpc_method="(\w+)".*\} (\S+)$/gm,
    ))
      total[method] = (total[method] ?? 0) + Number(count)
  }
  return total
}

const sum = ({ perSecond }) => Object.values(perSecond).reduce((a, b) => a + b, 0)
const loads = [load()]
let result
try {
  const gracefulMs = await graceful(Number(values.trials))
  loads.push(load())
  const crashMs = {
    2000: await crashes(2000, Number(values.crashes)),
    5000: await crashes(5000, Number(values.crashes)),
  }
  loads.push(load())
  const traffic = [await renewals(1), await renewals(Number(values.elections))]
  const [ours, theirs] = [distribution(gracefulMs.mandate), distribution(gracefulMs.etcdctl)]
  const missed = [
    ...(ours.p50 <= theirs.p50
      ? []
      : [`graceful p50 is ${round(ours.p50)} ms, that of etcdctl ${round(theirs.p50)} ms`]),
    ...Object.entries(crashMs).flatMap(([ttl, raw]) =>
      Math.max(...raw) <= Number(ttl) + 600
        ? []
        : [`a crash took ${round(Math.max(...raw))} ms with a lease of ${ttl} ms`],
    ),
    ...(sum(traffic[1]) <= sum(traffic[0]) + 0.5
      ? []
      : ['renewal traffic grows with the number of elections']),
  ]
  result = {
    ...heading('bench:etcd'),
    ...{
      machine: machine(),
      at: Date.now(),
      wallMs: performance.now() - started,
      loadAverage: [...loads, load()],
    },
    graceful: {
      mandate: { ...ours, rawMs: gracefulMs.mandate },
      etcdctl: { ...theirs, rawMs: gracefulMs.etcdctl },
    },
    crash: Object.entries(crashMs).map(([ttl, rawMs]) => ({
      ttlMs: Number(ttl),
      takeoverMs: distribution(rawMs),
      rawMs,
    })),
    ...{ traffic, missed, met: missed.length === 0 },
  }
} finally {
  etcd.close()
}

const row = (label, { n, min, p50, p90, max }) => [
  label,
  String(n),
  ...[min, p50, p90, max].map((ms) => round(ms)),
]
if (values.json) console.log(JSON.stringify(result))
else {
  const rows = [
    row('graceful stop, ours', result.graceful.mandate),
    row('graceful stop, `etcdctl elect`', result.graceful.etcdctl),
    ...result.crash.map(({ ttlMs, takeoverMs }) => row(`kill -9, ours, lease ${ttlMs / 1000} s`, takeoverMs)),
  ]
  console.log(markdownTable(['ms until the next leads', 'n', 'min', 'p50', 'p90', 'max'], rows))
  for (const { elections, perSecond } of result.traffic)
    console.log(`${elections} elections:`, perSecond, 'messages per second')
  console.log(`load average ${result.loadAverage.map((each) => round(each)).join(', ')}`)
  console.log(result.met ? 'all goals met' : result.missed.join('\n'))
}
process.exitCode = values.check && !result.met ? 1 : 0
