/** The schedule of faults that every engine gets, in whatever environment its cluster runs. */
import type { Timing } from '../lease/timing.ts'
import { difference, share } from './meter.ts'
import { distribution, type ComparedRow, type Traffic } from './row.ts'

export interface Pace {
  /** Of each kind of failover. */
  readonly trials: number
  /** For what an idle cluster costs, in ms. */
  readonly idleMs: number
  /** With every tenth message lost, in ms. */
  readonly lossMs: number
}

/** How long it is left alone around each fault, in leases. */
export interface Rests {
  /** At least; as much again is drawn, so that faults are in step with no heartbeat. */
  readonly before: number
  /** After a peer came back: it counts for little before what it may have promised, or was promised, has run out. */
  readonly afterReturn: number
}

/** Three peers or more, each a candidate. */
export interface ComparedCluster {
  readonly timing: Timing
  /** In the order in which they were told. */
  readonly elected: readonly { readonly id: string; readonly atMs: number }[]
  readonly nowMs: number
  /** A number in [0, 1), from the seed. */
  draw(): number
  /** Since the beginning. */
  traffic(): Promise<Traffic>
  /** Who says that it leads, of those alive. */
  leader(): string | undefined
  start(...ids: readonly string[]): Promise<void>
  /** kill -9. */
  crash(id: string): void
  /** Nothing gets to it or from it, and nobody is told. */
  isolate(id: string): void
  heal(id: string): Promise<void>
  /** As on SIGTERM: it resigns, closes, and is gone once that is done. */
  stop(id: string): void
  /** Of single messages between peers, beyond what TCP would let happen. */
  loss(probability: number): void
  advance(ms: number): Promise<void>
  /** @throws if it does not hold within a bound that is far away */
  until(holds: () => boolean, what: string): Promise<void>
}

const LOSS = 0.1
const HOUR_MS = 3_600_000
/** An isolated leader has run out by then, so that who believes at once is seen to the end. */
const ISOLATED_LEASES = 2

type Measured = Pick<ComparedRow, 'failoverMs' | 'idlePerSecond' | 'perFailover' | 'electionsPerHourAtLoss10'>

export async function playSchedule(cluster: ComparedCluster, pace: Pace, rests: Rests): Promise<Measured> {
  const { trials, idleMs, lossMs } = pace
  await cluster.until(() => cluster.leader() !== undefined, 'a first leader')
  const idle = await idleTraffic(cluster, idleMs)
  const crash = await failovers(cluster, trials, rests, crashAndRestart)
  const partition = await failovers(cluster, trials, rests, isolateAndHeal)
  const stop = await failovers(cluster, trials, rests, stopAndRestart)
  const elections = await electionsUnderLoss(cluster, lossMs)
  return {
    failoverMs: {
      crash: distribution(crash.map(({ ms }) => ms)),
      silentPartition: distribution(partition.map(({ ms }) => ms)),
      gracefulStop: distribution(stop.map(({ ms }) => ms)),
    },
    idlePerSecond: share(idle, idleMs / 1000),
    perFailover: share(crash.map(({ traffic }) => traffic).reduce(sum, noTraffic), crash.length),
    electionsPerHourAtLoss10: (elections * HOUR_MS) / lossMs,
  }
}

interface Fault {
  readonly name: string
  begin(cluster: ComparedCluster, leader: string): void
  end(cluster: ComparedCluster, leader: string, rests: Rests): Promise<void>
}

async function restart(cluster: ComparedCluster, leader: string, { afterReturn }: Rests): Promise<void> {
  await cluster.start(leader)
  await cluster.advance(afterReturn * cluster.timing.leaseMs)
}

const crashAndRestart: Fault = {
  name: 'a crash',
  begin: (cluster, leader) => cluster.crash(leader),
  end: restart,
}
const isolateAndHeal: Fault = {
  name: 'an isolation',
  begin: (cluster, leader) => cluster.isolate(leader),
  end: async (cluster, leader, { afterReturn }) => {
    const { leaseMs } = cluster.timing
    await cluster.advance(ISOLATED_LEASES * leaseMs)
    await cluster.heal(leader)
    await cluster.advance(afterReturn * leaseMs)
  },
}
const stopAndRestart: Fault = {
  name: 'a graceful stop',
  begin: (cluster, leader) => cluster.stop(leader),
  end: restart,
}

interface Trial {
  readonly ms: number
  readonly traffic: Traffic
}

async function failovers(
  cluster: ComparedCluster,
  count: number,
  rests: Rests,
  fault: Fault,
): Promise<readonly Trial[]> {
  const { leaseMs } = cluster.timing
  const trials: Trial[] = []
  while (trials.length < count) {
    await cluster.until(() => cluster.leader() !== undefined, 'a leader')
    await cluster.advance(leaseMs * (rests.before + cluster.draw()))
    const traffic = await cluster.traffic()
    const leader = cluster.leader()
    // Lost by itself meanwhile: no sample.
    if (leader === undefined) continue
    const before = cluster.elected.length
    const sinceMs = cluster.nowMs
    fault.begin(cluster, leader)
    const successor = () => cluster.elected.slice(before).find(({ id }) => id !== leader)
    await cluster.until(() => successor() !== undefined, `a successor of ${leader} after ${fault.name}`)
    trials.push({
      ms: (successor()?.atMs ?? 0) - sinceMs,
      traffic: difference(await cluster.traffic(), traffic),
    })
    await fault.end(cluster, leader, rests)
  }
  return trials
}

async function idleTraffic(cluster: ComparedCluster, ms: number): Promise<Traffic> {
  await cluster.advance(10 * cluster.timing.leaseMs)
  const before = await cluster.traffic()
  await cluster.advance(ms)
  return difference(await cluster.traffic(), before)
}

/** Leaderships that nobody asked for. */
async function electionsUnderLoss(cluster: ComparedCluster, ms: number): Promise<number> {
  await cluster.until(() => cluster.leader() !== undefined, 'a leader')
  const before = cluster.elected.length
  cluster.loss(LOSS)
  await cluster.advance(ms)
  cluster.loss(0)
  return cluster.elected.length - before
}

export const noTraffic: Traffic = { messages: 0, bytes: 0, diskWrites: 0 }

export function sum(one: Traffic, other: Traffic): Traffic {
  return {
    messages: one.messages + other.messages,
    bytes: one.bytes + other.bytes,
    diskWrites: one.diskWrites + other.diskWrites,
  }
}
