/** Plays the schedule of faults that every engine gets, on virtual time. */
import type { Exclusivity } from '../backends/backend.ts'
import type { TimingInput } from '../lease/timing.ts'
import type { Contender } from './contenders.ts'
import { difference, share } from './meter.ts'
import { distribution, type ComparedRow, type Traffic } from './row.ts'
import { SimulatedCluster } from './simulated-cluster.ts'

export interface ScheduleOptions {
  readonly peers: number
  readonly timing: TimingInput
  readonly seed: number
  /** Of each kind of failover. */
  readonly trials: number
  /** Simulated, for what an idle cluster costs, in ms. */
  readonly idleMs: number
  /** Simulated, with every tenth message lost, in ms. */
  readonly lossMs: number
}

/** A network within one data centre, and a disk that is a solid one. */
const DELAY_MS = [0.1, 0.5] as const
const WRITE_MS = 0.5
const LOSS = 0.1
const HOUR_MS = 3_600_000

/** The same seed gives the same row. */
export function simulatedRow(
  contender: Contender,
  exclusivity: Exclusivity,
  options: ScheduleOptions,
): Promise<ComparedRow> {
  return contender.play(async (engine) => {
    const { peers, timing, seed, trials, idleMs, lossMs } = options
    const cluster = new SimulatedCluster(engine, {
      ...{ peers, timing, exclusivity, seed },
      ...{ delayMs: DELAY_MS, writeMs: WRITE_MS },
    })
    try {
      await cluster.start(...cluster.ids)
      await cluster.until(() => cluster.leader() !== undefined, 'a first leader')
      const idle = await idleTraffic(cluster, idleMs)
      const crash = await failovers(cluster, trials, crashAndRestart)
      const partition = await failovers(cluster, trials, isolateAndHeal)
      const stop = await failovers(cluster, trials, stopAndRestart)
      const elections = await electionsUnderLoss(cluster, lossMs)
      return {
        ...{
          engine: contender.name,
          quorum: contender.quorum,
          exclusivity,
          environment: 'simulator' as const,
        },
        ...{ peers, timing: cluster.timing },
        failoverMs: {
          crash: distribution(crash.map(({ ms }) => ms)),
          silentPartition: distribution(partition.map(({ ms }) => ms)),
          gracefulStop: distribution(stop.map(({ ms }) => ms)),
        },
        idlePerSecond: share(idle, idleMs / 1000),
        perFailover: share(crash.map(({ traffic }) => traffic).reduce(sum, nothing), crash.length),
        twoBelieversMs: {
          total: cluster.overlapsMs.reduce((all, ms) => all + ms, 0),
          max: Math.max(0, ...cluster.overlapsMs),
        },
        electionsPerHourAtLoss10: (elections * HOUR_MS) / lossMs,
      }
    } finally {
      await cluster.close()
    }
  })
}

type Cluster = SimulatedCluster<never, never, never>
type AnyCluster = Pick<
  Cluster,
  | 'meter'
  | 'timing'
  | 'elected'
  | 'nowMs'
  | 'draw'
  | 'start'
  | 'leader'
  | 'crash'
  | 'isolate'
  | 'heal'
  | 'loss'
  | 'stop'
  | 'advance'
  | 'until'
>

interface Fault {
  readonly name: string
  begin(cluster: AnyCluster, leader: string): void
  end(cluster: AnyCluster, leader: string): Promise<void>
}

const crashAndRestart: Fault = {
  name: 'a crash',
  begin: (cluster, leader) => cluster.crash(leader),
  end: (cluster, leader) => cluster.start(leader),
}
const isolateAndHeal: Fault = {
  name: 'an isolation',
  begin: (cluster, leader) => cluster.isolate(leader),
  end: (cluster) => {
    cluster.heal()
    return Promise.resolve()
  },
}
const stopAndRestart: Fault = {
  name: 'a graceful stop',
  begin: (cluster, leader) => cluster.stop(leader),
  end: (cluster, leader) => cluster.start(leader),
}

interface Trial {
  readonly ms: number
  readonly traffic: Traffic
}

/** Each at a moment that is in step with no heartbeat. */
async function failovers(cluster: AnyCluster, count: number, fault: Fault): Promise<readonly Trial[]> {
  const trials: Trial[] = []
  while (trials.length < count) {
    await cluster.until(() => cluster.leader() !== undefined, 'a leader')
    await cluster.advance(cluster.timing.leaseMs * (2 + cluster.draw()))
    const leader = cluster.leader()
    // Lost by itself meanwhile: no sample.
    if (leader === undefined) continue
    const before = cluster.elected.length
    const traffic = cluster.meter.read()
    const sinceMs = cluster.nowMs
    fault.begin(cluster, leader)
    const successor = () => cluster.elected.slice(before).find(({ id }) => id !== leader)
    await cluster.until(
      () => successor() !== undefined,
      `a successor of ${leader} after ${fault.name}, at ${sinceMs}`,
    )
    trials.push({
      ms: (successor()?.atMs ?? 0) - sinceMs,
      traffic: difference(cluster.meter.read(), traffic),
    })
    // Long enough for an isolated leader to have run out, so that who believes at once is seen to the end.
    await cluster.advance(2 * cluster.timing.leaseMs)
    await fault.end(cluster, leader)
    await cluster.advance(2 * cluster.timing.leaseMs)
  }
  return trials
}

async function idleTraffic(cluster: AnyCluster, ms: number): Promise<Traffic> {
  await cluster.advance(10 * cluster.timing.leaseMs)
  const before = cluster.meter.read()
  await cluster.advance(ms)
  return difference(cluster.meter.read(), before)
}

/** Leaderships that nobody asked for. */
async function electionsUnderLoss(cluster: AnyCluster, ms: number): Promise<number> {
  const before = cluster.elected.length
  cluster.loss(LOSS)
  await cluster.advance(ms)
  cluster.loss(0)
  return cluster.elected.length - before
}

const nothing: Traffic = { messages: 0, bytes: 0, diskWrites: 0 }

function sum(one: Traffic, other: Traffic): Traffic {
  return {
    messages: one.messages + other.messages,
    bytes: one.bytes + other.bytes,
    diskWrites: one.diskWrites + other.diskWrites,
  }
}
