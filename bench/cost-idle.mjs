// What candidates cost when nothing happens, and how many durable grants a second three of them give.
import { rows } from './failover-rows.mjs'
import { startCluster } from './cluster.mjs'
import { now, sleep } from './figures.mjs'

const row = rows.find(({ label }) => label === 'SIGKILL, time, default')

async function open(settleMs, record) {
  const cluster = await startCluster({ row, record, reports: false })
  const ready = [cluster.next('a leader', ({ event }) => event === 'elected')]
  for (const id of cluster.ids)
    ready.push(cluster.next(`${id}`, (event) => event.id === id && event.event === 'started'))
  for (const id of cluster.ids) cluster.start(id)
  await Promise.all(ready)
  await sleep(settleMs)
  return cluster
}

async function answer(cluster, id, what, event, more = {}, patienceMs = 300_000) {
  const matches = (told) => told.id === id && (told.event === event || told.event === 'failed')
  const heard = cluster.next(`${what} of ${id}`, matches, patienceMs)
  cluster.order(id, what, more)
  const told = await heard
  if (told.event === 'failed') throw new Error(`${what}: ${told.reason}`)
  return told
}

const usage = (cluster) => Promise.all(cluster.ids.map((id) => answer(cluster, id, 'usage', 'usage')))

/** In percent of one core, of the process that leads Raft, and of the busiest of the others. */
async function idle(cluster, ms) {
  const before = await usage(cluster)
  await sleep(ms)
  const after = await usage(cluster)
  const { leader } = await cluster.raftState()
  const percent = (id) => {
    const [one, two] = [before, after].map((list) => list.find((each) => each.id === id))
    return (100 * (two.cpuMs - one.cpuMs)) / (two.at - one.at)
  }
  const others = cluster.ids.filter((id) => id !== leader)
  return {
    leader: leader === null ? null : percent(leader),
    follower: Math.max(...others.map(percent)),
    holder: percent(cluster.leader()),
    rssMiB: Math.max(...after.map((each) => each.rssMiB)),
  }
}

/** An idle peer runs for days, and its first minutes in an interpreter: both are told, and the days are judged. */
export async function measureIdle({ ms, held, settleMs, warmMs }) {
  const cluster = await open(settleMs)
  try {
    const first = await idle(cluster, ms)
    await sleep(Math.max(0, warmMs - ms))
    const bare = await idle(cluster, ms)
    const since = now()
    await answer(cluster, cluster.leader(), 'hold', 'held', { count: held })
    const holdingMs = now() - since
    await sleep(settleMs)
    const full = await idle(cluster, ms)
    const cpu = ({ leader, follower, holder }) => ({ leader, follower, holder })
    return {
      idleCpuPercent: cpu(bare),
      idleCpuPercentAtFirst: cpu(first),
      idleSeconds: ms / 1000,
      warmSeconds: warmMs / 1000,
      rssMiB: bare.rssMiB,
      heldElections: held,
      heldElectionsAfterMs: holdingMs,
      idleCpuPercentHeld: cpu(full),
      rssMiBHeld: full.rssMiB,
    }
  } finally {
    await cluster.close()
  }
}

/** Campaign and resign again and again in one process, which is a peer; every grant is on two disks before it counts. */
export async function measureGrants({ ms, concurrencies, settleMs }) {
  const fsyncs = new Map()
  const cluster = await open(
    settleMs,
    ({ event, id }) => event === 'fsync' && fsyncs.set(id, (fsyncs.get(id) ?? 0) + 1),
  )
  try {
    const results = []
    const { leader } = await cluster.raftState()
    for (const [where, id] of [
      ['raft leader', leader],
      ['raft follower', cluster.ids.find((each) => each !== leader)],
    ]) {
      for (const concurrency of concurrencies) {
        await sleep(settleMs / 4)
        fsyncs.clear()
        const { grants, wallMs } = await answer(cluster, id, 'grants', 'granted', { concurrency, ms })
        const total = [...fsyncs.values()].reduce((a, b) => a + b, 0)
        results.push({
          ...{ where, concurrency, grants, perSecond: (grants * 1000) / wallMs },
          // One fsync may carry many grants; each grant is in the logs of all peers.
          fsyncsPerGrant: { raftLeader: (fsyncs.get(leader) ?? 0) / grants, allPeers: total / grants },
        })
      }
    }
    return results
  } finally {
    await cluster.close()
  }
}
