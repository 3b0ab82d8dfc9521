// Three etcd servers on loopback, and what they do with the same questions. Needs `etcd` (and `etcdctl`) on PATH.
import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './cluster.mjs'
import { eachLine, now, sleep } from './figures.mjs'
import { installed, programs } from './installed.mjs'

export async function startEtcd({ heartbeatMs = 100, electionMs = 1000, hear = () => undefined } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mandate-bench-etcd-'))
  const ids = ['a', 'b', 'c']
  const ports = await freePorts(2 * ids.length)
  const clientUrl = (id) => `http://127.0.0.1:${ports[ids.indexOf(id)]}`
  const peerUrl = (id) => `http://127.0.0.1:${ports[ids.length + ids.indexOf(id)]}`
  const processes = new Map()

  function start(id, state) {
    const flags = {
      ...{ name: id, 'data-dir': join(folder, id), 'initial-cluster-state': state },
      ...{ 'listen-client-urls': clientUrl(id), 'advertise-client-urls': clientUrl(id) },
      ...{ 'listen-peer-urls': peerUrl(id), 'initial-advertise-peer-urls': peerUrl(id) },
      'initial-cluster': ids.map((each) => `${each}=${peerUrl(each)}`).join(','),
      ...{ 'heartbeat-interval': heartbeatMs, 'election-timeout': electionMs, logger: 'zap' },
    }
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
    const child = spawn(programs.etcd, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    eachLine(child.stderr, (line) => hear({ id, pid: child.pid, line, seen: now() }))
    processes.set(id, child)
  }

  for (const id of ids) start(id, 'new')
  for (let waited = 0; ; waited += 50) {
    const answer = await post(clientUrl('a'), '/v3/lease/grant', { TTL: 1 }).catch(() => null)
    if (answer !== null) break
    if (waited > 20_000) throw new Error('etcd gave no answer in 20 s')
    await sleep(50)
  }
  return {
    ids,
    endpoints: ids.map(clientUrl),
    process: (id) => processes.get(id),
    restart: (id) => start(id, 'existing'),
    /** The id of the server that leads Raft. */
    async leader() {
      for (const id of ids) {
        const { header, leader } = await post(clientUrl(id), '/v3/maintenance/status', {})
        if (header.member_id === leader) return id
      }
      return null
    },
    close() {
      for (const child of processes.values()) child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: 512 })

/** etcd's own JSON gateway: in its server, so that no client library of ours stands between. */
function post(endpoint, path, body) {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, endpoint), { method: 'POST', agent }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text))
        else reject(new Error(`${path}: ${response.statusCode} ${text}`))
      })
    })
    asked.on('error', reject)
    asked.end(JSON.stringify(body))
  })
}

const base64 = (text) => Buffer.from(text).toString('base64')

/** Campaign and resign at one endpoint, each election with a lease of its own; null where etcd is not installed. */
export async function measureEtcdGrants({ ms, concurrencies, say }) {
  if (!installed([programs.etcd], say, 'grants of etcd')) return null
  const etcd = await startEtcd()
  try {
    const results = []
    for (const concurrency of concurrencies) results.push(await grantsAt(etcd, concurrency, ms))
    return results
  } finally {
    agent.destroy()
    etcd.close()
  }
}

async function grantsAt(etcd, concurrency, ms) {
  const leader = await etcd.leader()
  const endpoint = etcd.endpoints[etcd.ids.indexOf(leader)]
  const leases = await Promise.all(
    Array.from({ length: concurrency }, () => post(endpoint, '/v3/lease/grant', { TTL: 120 })),
  )
  let grants = 0
  const since = performance.now()
  async function loop(lease, index) {
    while (performance.now() - since < ms) {
      const name = base64(`grant-${concurrency}-${index}`)
      const campaign = { name, lease, value: base64('bench') }
      const { leader: won } = await post(endpoint, '/v3/election/campaign', campaign)
      await post(endpoint, '/v3/election/resign', { leader: won })
      grants++
    }
  }
  await Promise.all(leases.map(({ ID }, index) => loop(ID, index)))
  const wallMs = performance.now() - since
  return { concurrency, grants, perSecond: (grants * 1000) / wallMs }
}
