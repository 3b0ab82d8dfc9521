/**
 * A cluster of one engine in one process, on virtual time: every peer is a candidate, as its application would run it,
 * and all of it is real but the network, the disks and the clocks.
 */
import type { Backend, Guarantee } from '../backends/backend.ts'
import { defineBackend } from '../backends/define-backend.ts'
import type { LogRecord } from '../cluster/messages.ts'
import { createElection } from '../election/election.ts'
import type { LeadershipOf } from '../election/advisory-leadership.ts'
import { resolveTiming, type Timing, type TimingInput } from '../lease/timing.ts'
import type { Clock } from '../seams/clock.ts'
import { manualClock, type ManualClock } from '../testing/manual-clock.ts'
import { memoryDisk, type MemoryDisk } from '../testing/memory-storage.ts'
import { memoryNetwork, type MemoryNetwork } from '../testing/memory-network.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import type { Engine } from './contenders.ts'
import { Meter } from './meter.ts'
import type { ComparedMode, Traffic } from './row.ts'
import type { ComparedCluster } from './schedule.ts'

export interface SimulatedClusterOptions {
  readonly peers: number
  readonly timing: TimingInput
  readonly exclusivity: ComparedMode
  readonly seed: number
  /** One way, drawn for each message. */
  readonly delayMs: readonly [min: number, max: number]
  readonly writeMs: number
}

/** How finely whoever believes is looked at, in ms of true time. */
const LOOK_MS = 1
const ELECTION = 'compared'
const PATIENCE_MS = 120_000

interface Member {
  readonly backend: Backend<Guarantee>
  readonly stop: AbortController
  leadership: LeadershipOf<Guarantee> | null
  dead: boolean
}

export class SimulatedCluster<ToPeer, FromHolder, ToHolder> implements ComparedCluster {
  readonly timing: Timing
  readonly elected: { readonly id: string; readonly atMs: number }[] = []
  /** Spans in which at least two living processes said that they lead, in ms. */
  readonly overlapsMs: number[] = []
  readonly #meter = new Meter()
  readonly #engine: Engine<ToPeer, FromHolder, ToHolder>
  readonly #options: SimulatedClusterOptions
  readonly #clock: ManualClock = manualClock()
  readonly #network: MemoryNetwork<ToPeer, FromHolder, ToHolder>
  readonly #disks: ReadonlyMap<string, MemoryDisk<LogRecord>>
  readonly #members = new Map<string, Member>()
  readonly #random
  #overlapping = false

  constructor(engine: Engine<ToPeer, FromHolder, ToHolder>, options: SimulatedClusterOptions) {
    this.#engine = engine
    this.#options = options
    this.timing = resolveTiming(options.timing)
    this.#random = seededRandom(options.seed)
    const clock = this.#clock
    const { delayMs, writeMs } = options
    const peers = this.ids
    this.#network = memoryNetwork({ clock, random: this.#random, peers, delayMs })
    this.#disks = new Map(
      peers.map((id) => [id, memoryDisk<LogRecord>({ storageId: `disk-${id}`, clock, writeMs })]),
    )
  }

  get ids(): readonly string[] {
    return Array.from({ length: this.#options.peers }, (_, at) => `p${at + 1}`)
  }

  get nowMs(): number {
    return this.#clock.trueMs()
  }

  draw(): number {
    return this.#random.next()
  }

  traffic(): Promise<Traffic> {
    return Promise.resolve(this.#meter.read())
  }

  async start(...ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await this.until(() => !this.#members.has(id), `the end of ${id}`)
      const member = {
        backend: this.#backend(id),
        stop: new AbortController(),
        leadership: null,
        dead: false,
      }
      this.#members.set(id, member)
      await this.#settled(member.backend.start())
      void this.#stand(id, member)
    }
  }

  leader(): string | undefined {
    return [...this.#members].find(([, { leadership }]) => leadership?.isValid() === true)?.[0]
  }

  crash(id: string): void {
    this.#bury(id)
    this.#disks.get(id)?.crash()
    this.#network.crash(id)
  }

  isolate(id: string): void {
    this.#network.isolate(id)
  }

  heal(): Promise<void> {
    this.#network.heal()
    return Promise.resolve()
  }

  loss(probability: number): void {
    this.#network.loss(probability)
  }

  stop(id: string): void {
    const member = this.#members.get(id)
    if (member === undefined) return
    member.dead = true
    member.stop.abort()
    const closed = Promise.resolve(member.leadership?.resign()).then(() => member.backend.close())
    const gone = (): void => void (this.#members.get(id) === member && this.#members.delete(id))
    closed.then(gone, gone)
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    while (this.nowMs < endMs) {
      await this.#clock.advanceAsync(Math.min(LOOK_MS, endMs - this.nowMs))
      this.#look()
    }
  }

  /** Advances until `holds`. @throws if it does not within two minutes of simulated time */
  async until(holds: () => boolean, what: string): Promise<void> {
    const endMs = this.nowMs + PATIENCE_MS
    while (!holds()) {
      if (this.nowMs >= endMs) throw new Error(`not within ${PATIENCE_MS} simulated ms: ${what}`)
      await this.advance(LOOK_MS)
    }
  }

  async close(): Promise<void> {
    for (const id of [...this.#members.keys()]) this.#bury(id)
    await this.#clock.advanceAsync(1)
  }

  #backend(id: string): Backend<Guarantee> {
    const { timing } = this
    const own = mortal(this.#clock.sibling(), () => this.#members.get(id)?.backend !== backend)
    const disk = this.#disks.get(id) as MemoryDisk<LogRecord>
    const options = {
      peers: Object.fromEntries(this.ids.map((each) => [each, each])),
      cluster: 'memory',
      timing,
      tokenBase: 0n,
    }
    const seams = {
      connectClient: this.#network.connectClient,
      peer: {
        self: id,
        storage: this.#meter.storage(disk.storage()),
        transport: ({ incarnation }: { readonly incarnation: number }) =>
          this.#meter.transport(this.#network.transport(id, incarnation), this.#engine.wire.peers),
      },
    }
    const backend = defineBackend<Guarantee>((env) => this.#engine.driver(options, seams, env), {
      ...{ clock: own, random: this.#random, timing, defaultCandidateId: id },
      onBackgroundFailure: () => undefined,
    })
    return backend
  }

  /** Stands again and again, as a service does. */
  async #stand(id: string, member: Member): Promise<void> {
    const { exclusivity } = this.#options
    const election = createElection({
      name: ELECTION,
      backend: member.backend,
      ...(exclusivity === 'none' ? {} : { exclusivity }),
    })
    const { signal } = member.stop
    while (!member.dead) {
      const leadership = await election.campaign({ signal }).catch(() => null)
      if (leadership === null || member.dead) continue
      member.leadership = leadership
      this.elected.push({ id, atMs: this.nowMs })
      await leadership.lost
    }
  }

  async #settled(promise: Promise<unknown>): Promise<void> {
    let done = false
    const end = (): void => void (done = true)
    promise.then(end, end)
    await this.until(() => done, 'the start of a peer')
    await promise
  }

  #look(): void {
    const believers = [...this.#members.values()].filter(({ leadership }) => leadership?.isValid() === true)
    if (believers.length > 1) {
      if (this.#overlapping)
        this.overlapsMs[this.overlapsMs.length - 1] = (this.overlapsMs.at(-1) ?? 0) + LOOK_MS
      else this.overlapsMs.push(LOOK_MS)
    }
    this.#overlapping = believers.length > 1
  }

  #bury(id: string): void {
    const member = this.#members.get(id)
    if (member === undefined) return
    member.dead = true
    this.#members.delete(id)
    member.stop.abort()
  }
}

/** The clock of a process that may die: from then on nothing of it fires. */
function mortal(clock: ManualClock, isDead: () => boolean): Clock {
  const alive = (run: () => void) => (): void => {
    if (!isDead()) run()
  }
  return {
    upper: () => clock.upper(),
    elapsedMs: (since) => clock.elapsedMs(since),
    lower: () => clock.lower(),
    wallMs: () => clock.wallMs(),
    setTimer: (delayMs, fire) => clock.setTimer(delayMs, alive(fire)),
    afterPoll: (run) => clock.afterPoll(alive(run)),
  }
}
