// One row of `bench:failover`: ends the leader again and again, and computes the row from what all processes wrote.
import { randomInt } from 'node:crypto'
import { startCluster } from './cluster.mjs'
import { distribution, load, now, rssMiB, sleep } from './figures.mjs'
import { momentMs, settleMs, trialsForP99 } from './failover-rows.mjs'
import { overlapMs, spansOf, tokenRegressions } from './history.mjs'

const isElected = ({ event }) => event === 'elected'
/** In microseconds, so that no trial is in step with a heartbeat. */
const randomMs = (below) => randomInt(0, Math.ceil(below * 1000)) / 1000

/** @param {{ record: (event: object) => void, progress: (done: number) => void }} told */
export async function runRow(row, { record, progress }) {
  const records = []
  const keep = (event) => {
    records.push(event)
    record(event)
  }
  const told = {
    samples: [],
    voided: 0,
    quiet: { falseElections: null, quietMs: null, falseTakeovers: null },
  }
  const loads = [load()]
  const count = { trials: 0, done: 0, clusters: 0 }
  const lane = () => runTrials(row, { keep, told, count, progress })
  await Promise.all(Array.from({ length: Math.min(row.clusters, row.trials) }, lane))
  loads.push(load())
  return judged(row, { ...told, records, loads })
}

/** One cluster after another, of which one is enough unless something fails; takes part in the trials of the row. */
async function runTrials(row, { keep, told, count, progress }) {
  let cluster = null
  while (count.trials < row.trials) {
    const trial = count.trials++
    try {
      cluster ??= await open(row, keep, count.clusters++)
      if (trial === 0 && row.quietMs !== null && row.quietMs > 0)
        told.quiet = await watchQuiet(cluster, row.quietMs)
      let sample = null
      for (let tries = 0; sample === null && tries < 20; tries++) {
        sample = await endLeader(cluster, row, keep)
        if (sample === null) told.voided++
      }
      if (sample === null) throw new Error('the leader was gone before its signal came, 20 times')
      told.samples.push(sample)
    } catch (error) {
      // The next trial begins with new processes; this one is missing in `completed`.
      process.stderr.write(`\n${row.label}, trial ${trial + 1}: ${error.message}\n`)
      await cluster?.close()
      cluster = null
    }
    progress(++count.done)
  }
  await cluster?.close()
}

async function open(row, record, number) {
  const cluster = await startCluster({ row, record, number })
  try {
    const first = cluster.next('a first leader', isElected)
    const ready = cluster.ids.map((id) => cluster.next(`${id} to stand`, stands(row, id)))
    for (const id of cluster.ids) cluster.start(id)
    await Promise.all([first, ...ready])
    await sleep(settleMs(row) * 2)
    return cluster
  } catch (error) {
    await cluster.close()
    throw error
  }
}

const stands =
  ({ kind }, id) =>
  (event) =>
    event.id === id && event.event === (kind === 'run' ? 'campaigning' : 'started')

/** Nobody is killed: what changes the term now is an election that nothing called for. */
async function watchQuiet(cluster, forMs) {
  const since = now()
  const before = await cluster.raftState()
  let takeovers = 0
  let last = before.term
  while (now() - since < forMs) {
    // Every question dials all peers, so they are asked seldom: a term that has passed still counts.
    const untilMs = Math.min(since + forMs, now() + 10_000)
    while (now() < untilMs) {
      const elected = await cluster.next('nothing', isElected, untilMs - now()).catch(() => null)
      if (elected !== null) takeovers++
    }
    const { term } = await cluster.raftState()
    last = Math.max(last, term ?? 0)
  }
  return { falseElections: last - before.term, quietMs: now() - since, falseTakeovers: takeovers }
}

/**
 * One trial. The clock runs from the signal, or from the call of `resign()`, until the successor's line is read. Null if
 * the victim had lost its leadership by itself before it was ended: that is another thing, and counted as such.
 */
async function endLeader(cluster, row, record) {
  // Ready before the settling ends, so that it computes nothing when the signal comes.
  if (row.signal !== 'resign') cluster.prepare()
  await sleep(settleMs(row))
  let state = await cluster.raftState()
  if (row.victim === 'raft-leader') state = await leadWhereRaftLeads(cluster, row, state)
  await sleep(randomMs(momentMs(row)))
  const leader = cluster.leader() ?? (await cluster.next('a leader', isElected)).id
  const victim = cluster.process(leader)
  const sample = { ledRaft: state.leader === leader, rssMiB: rssMiB(victim.pid), ms: null, electedMs: null }
  const watch = watchTrial(cluster, row, leader)
  const since =
    row.signal === 'resign' ? await resign(cluster, leader) : signal(victim, row.signal, leader, record)
  const next = await watch.successor(since)
  if (next !== null) {
    sample.ms = next.seen - since
    sample.electedMs = (await watch.elected).seen - since
  }
  if (row.signal !== 'resign') {
    await watch.exited
    cluster.bury()
    const again = cluster.next('the victim to come back', stands(row, leader))
    cluster.start(leader)
    await again
  }
  return next === null ? null : sample
}

/** Waits for everything that follows, from before the signal. */
function watchTrial(cluster, row, leader) {
  const isFirst = row.kind === 'run' ? ({ event }) => event === 'first-line' : isElected
  const others = (matches) => (event) => matches(event) && event.id !== leader
  const quietly = (promise) => {
    promise.catch(() => undefined)
    return promise
  }
  const first = quietly(cluster.next('a successor', others(isFirst)))
  const lost = quietly(cluster.next('a loss', ({ id, event }) => id === leader && event === 'lost'))
  return {
    elected: quietly(cluster.next('its election', others(isElected))),
    exited: quietly(cluster.next('the exit', ({ id, event }) => id === leader && event === 'exit')),
    async successor(since) {
      const early = lost.then(
        ({ at }) => (at < since ? null : first),
        () => first,
      )
      const event = await Promise.race([first, early])
      return event === null || event.at < since ? null : event
    },
  }
}

async function resign(cluster, leader) {
  const resigning = cluster.next('the resignation', ({ event }) => event === 'resigning')
  cluster.order(leader, 'resign')
  return (await resigning).at
}

function signal(victim, name, id, record) {
  const at = now()
  victim.kill(name)
  record({ at, pid: victim.pid, id, event: name, token: null })
  return at
}

/** Hands the election to the process that leads Raft, so that one death takes both. */
async function leadWhereRaftLeads(cluster, row, state) {
  let { leader } = state
  for (let attempt = 0; leader !== cluster.leader() && attempt < 5; attempt++) {
    if (leader !== null && cluster.leader() !== null) {
      const moved = cluster.next('the transfer', isElected, 5000)
      cluster.order(cluster.leader(), 'transfer', { to: leader })
      await moved
    }
    await sleep(settleMs(row))
    ;({ leader } = await cluster.raftState())
  }
  return { leader }
}

function judged(row, { samples, voided, quiet, records, loads }) {
  const rawMs = samples.map(({ ms }) => ms)
  const failoverMs = distribution(rawMs)
  const of = (ledRaft) => distribution(samples.filter((each) => each.ledRaft === ledRaft).map(({ ms }) => ms))
  const fsyncs = records.filter(({ event }) => event === 'fsync').map(({ ms }) => ms)
  const spans = spansOf(records)
  const { label, backend, kind, peers, exclusivity, signal: how, timing, trials, goal } = row
  const measured = {
    ...{ label, backend, kind, peers, exclusivity, signal: how, timing, trials, completed: samples.length },
    victimLedRaft: samples.filter(({ ledRaft }) => ledRaft).length,
    victimRssMiB: distribution(samples.map((each) => each.rssMiB).filter((mib) => mib !== null)).p50,
    failoverMs,
    rawMs,
    overlapMs: overlapMs(spans),
    fsyncMs: fsyncs.length === 0 ? null : distribution(fsyncs),
    tokenRegressions: tokenRegressions(spans),
    falseElections: quiet.falseElections,
    quietMs: quiet.quietMs,
    goal,
    // Not in the contract of the output, and there to explain a row.
    hint: row.hint,
    leaderships: spans.length,
    electedMs: kind === 'run' ? distribution(samples.map(({ electedMs }) => electedMs)) : null,
    failoverMsByVictim: { ledRaft: of(true), didNotLeadRaft: of(false) },
    falseTakeovers: quiet.falseTakeovers,
    voided,
    loadAverage: loads,
  }
  const { missed, unjudged } = verdict(measured)
  return { ...measured, met: missed.length === 0, missed, unjudged }
}

/** What of its goals a row missed, and what it could not tell. */
function verdict({ trials, completed, failoverMs, goal, exclusivity, overlapMs: overlap, ...row }) {
  const missed = []
  const unjudged = []
  if (completed < trials) missed.push(`${trials - completed} trials without a successor`)
  if (row.tokenRegressions > 0) missed.push(`${row.tokenRegressions} tokens not above the ones before`)
  if (exclusivity === 'time' && overlap > 0) missed.push(`two led at once for ${overlap.toFixed(3)} ms`)
  for (const figure of ['p50', 'p99', 'mean']) {
    const wanted = goal[figure]
    if (wanted === null) continue
    if (figure === 'p99' && completed < trialsForP99) unjudged.push(`p99 (fewer than ${trialsForP99} trials)`)
    else if (failoverMs[figure] === null || failoverMs[figure] > wanted)
      missed.push(`${figure} above ${wanted} ms`)
  }
  if (goal.falseElections !== null) {
    if (row.falseElections === null) unjudged.push('false elections (no quiet time)')
    else if (row.falseElections > goal.falseElections) missed.push(`${row.falseElections} false elections`)
  }
  return { missed, unjudged }
}
