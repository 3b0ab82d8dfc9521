// `npm run --silent bench:kubernetes`: our candidates and client-go's on the same API server in the same run: how long nobody
// leads after a graceful stop and after a crash, what one leader and ten standbys ask of the server, and what our client costs
// beside `@kubernetes/client-node`.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findServer } from '../scripts/servers.mjs'
import { Contest } from './contest.mjs'
import { distribution, heading, load, machine, markdownTable, provenance, round, sleep } from './figures.mjs'
import { measureClients } from './kubernetes-clients.mjs'
import { startKubernetes } from './kubernetes-server.mjs'

const { values } = parseArgs({
  options: {
    trials: { type: 'string', default: '20' },
    crashes: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
})
const found = findServer('kubernetes')
const clientGo = found?.programs['client-go-candidate']
if (clientGo === undefined) {
  process.stderr.write('bench:kubernetes: left out, not installed: kube-apiserver, client-go-candidate\n')
  process.exit(69)
}
const started = performance.now()
const server = await startKubernetes(found)
const program = fileURLToPath(new URL('kubernetes-candidate.mjs', import.meta.url))
const standbys = 10

const command = {
  mandate: (name, id, preset, count = 1) => [
    process.execPath,
    [program, server.kubeconfig, name, id, preset, String(count)],
  ],
  // Its defaults are 15, 10 and 2 s.
  'client-go': (name, id) => [
    clientGo,
    ['-kubeconfig', server.kubeconfig, '-ns', 'default', '-lease', name, '-id', id, '-release'],
  ],
}
const leads = {
  mandate: (line, id) => line === id,
  'client-go': (line, id) => line.endsWith(` ${id} leading`),
}

function contestOf(kind, name, preset = 'default') {
  const candidate = { name, command: (id) => command[kind](name, id, preset), leads: leads[kind] }
  // A standby of client-go looks every 2 to 4.4 s, and a leader of either renews every 2 to 3.3 s.
  return new Contest({ ...candidate, standMs: 1000, spreadMs: preset === 'fast' ? 400 : 4000 })
}

async function play(contest, trials, signal) {
  try {
    await contest.open()
    for (let trial = 0; trial < trials; trial++) await contest.trial(signal)
    return contest.rawMs
  } finally {
    contest.close()
  }
}

/** Both in turn, so that whatever else the machine does hurts both. */
async function graceful(trials) {
  const contests = Object.keys(command).map((kind) => ({
    kind,
    contest: contestOf(kind, `graceful-${kind}`),
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

/** Side by side: they wait for a quarter of a minute each. */
async function crashes(trials) {
  const kinds = Object.keys(command)
  const raw = await Promise.all(
    kinds.map((kind) => play(contestOf(kind, `crash-${kind}`), trials, 'SIGKILL')),
  )
  return Object.fromEntries(kinds.map((kind, index) => [kind, raw[index]]))
}

/** Requests per minute of one leader and ten standbys, by verb. */
async function traffic(kind, seconds) {
  const name = `traffic-${kind}`
  const start = (id, count) => {
    const [file, args] = command[kind](name, id, 'default', count)
    return spawn(file, args, { stdio: 'ignore' })
  }
  const children = [start('leader', 1)]
  await sleep(2000)
  if (kind === 'mandate') children.push(start('standby', standbys))
  else for (let index = 0; index < standbys; index++) children.push(start(`standby-${index}`))
  try {
    await sleep(6000)
    const before = await server.asked()
    await sleep(seconds * 1000)
    const after = await server.asked()
    const perMinute = Object.entries(after).map(([verb, count]) => [
      verb,
      ((count - (before[verb] ?? 0)) * 60) / seconds,
    ])
    return Object.fromEntries(perMinute.filter(([, count]) => count > 0))
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
}

const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0)
const described = (rawMs) => ({ ...distribution(rawMs), rawMs })
const loads = [load()]
let result
try {
  const gracefulMs = await graceful(Number(values.trials))
  loads.push(load())
  const crashMs = await crashes(Number(values.crashes))
  const fastMs = await play(contestOf('mandate', 'crash-fast', 'fast'), Number(values.trials), 'SIGKILL')
  loads.push(load())
  const seconds = Number(values.seconds)
  const perMinute = {
    mandate: await traffic('mandate', seconds),
    'client-go': await traffic('client-go', seconds),
  }
  // Each of ours watches, and opens its watch anew every 5 to 10 minutes.
  perMinute.mandate['WATCH, on average'] = (1 + standbys) / 7.5
  loads.push(load())
  const clients = measureClients()
  const [ours, theirs] = [distribution(gracefulMs.mandate), distribution(gracefulMs['client-go'])]
  const [ourCrash, theirCrash] = [distribution(crashMs.mandate), distribution(crashMs['client-go'])]
  const fast = distribution(fastMs)
  const missed = [
    ...(ours.p50 <= 30 ? [] : [`graceful p50 is ${round(ours.p50)} ms, the goal 30 ms`]),
    ...(ourCrash.p50 <= theirCrash.p50
      ? []
      : [`a crash took ${round(ourCrash.p50)} ms, with client-go ${round(theirCrash.p50)} ms`]),
    ...(fast.p50 <= 1200 ? [] : [`fast crash p50 is ${round(fast.p50)} ms, the goal 1,200 ms`]),
    ...(sum(perMinute.mandate) <= sum(perMinute['client-go']) / 10
      ? []
      : [
          `${round(sum(perMinute.mandate))} requests a minute, client-go ${round(sum(perMinute['client-go']))}`,
        ]),
  ]
  result = {
    ...heading('bench:kubernetes'),
    machine: machine(),
    at: Date.now(),
    wallMs: performance.now() - started,
    loadAverage: loads,
    graceful: {
      mandate: { ...ours, rawMs: gracefulMs.mandate },
      clientGo: { ...theirs, rawMs: gracefulMs['client-go'] },
    },
    crash: {
      mandate: described(crashMs.mandate),
      clientGo: described(crashMs['client-go']),
      fast: described(fastMs),
    },
    requestsPerMinute: { mandate: perMinute.mandate, clientGo: perMinute['client-go'] },
    ...{ clients, missed, met: missed.length === 0 },
  }
} finally {
  server.close()
}

const row = (label, { n, min, p50, p90, max }) => [
  label,
  String(n),
  ...[min, p50, p90, max].map((ms) => round(ms)),
]
if (values.json) console.log(JSON.stringify(result))
else {
  const { graceful: stops, crash, requestsPerMinute, clients } = result
  const rows = [
    row('graceful stop, ours', stops.mandate),
    row('graceful stop, client-go', stops.clientGo),
    row('kill -9, ours, 15/10/2 s', crash.mandate),
    row('kill -9, client-go, 15/10/2 s', crash.clientGo),
    row('kill -9, ours, `fast`', crash.fast),
  ]
  console.log(`${markdownTable(['ms until the next leads', 'n', 'min', 'p50', 'p90', 'max'], rows)}\n`)
  const verbs = (counts) => Object.entries(counts).map(([verb, count]) => `${round(count)} ${verb}`)
  const asked = Object.entries(requestsPerMinute).map(([kind, counts]) => [
    kind,
    round(sum(counts)),
    verbs(counts).join(', '),
  ])
  console.log(`${markdownTable(['1 leader and 10 standbys', 'requests a minute', 'of these'], asked)}\n`)
  const costs = clients.map(({ label, importMs, rssMiB }) => [label, round(importMs), round(rssMiB)])
  console.log(`${markdownTable(['client', 'import, ms', 'memory, MiB'], costs)}\n`)
  console.log(provenance('npm run --silent bench:kubernetes', result.machine, result.loadAverage, result.at))
  console.log(result.met ? 'all goals met' : result.missed.join('\n'))
}
process.exitCode = values.check && !result.met ? 1 : 0
