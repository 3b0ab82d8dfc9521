/** A peer across its crashes: its disk and clock stay, its process comes and goes. */
import { createRaft, type Raft } from '../../protocols/raft/state.ts'
import type { Command } from '../../registry/types.ts'
import { Incarnation } from '../incarnation.ts'
import { Stream } from '../streams.ts'
import { CoreClock } from './core-clock.ts'
import { CoreDisk } from './core-disk.ts'
import type { CorePeerPlan } from './core-plan.ts'
import { CoreProcess } from './core-process.ts'
import type { CoreHost, CoreSurroundings } from './core-surroundings.ts'
import type { Letter } from './letter.ts'
import type { Packet, Receiver } from './core-network.ts'

export class CoreMachine implements Receiver, CoreHost {
  readonly id: string
  readonly place: number
  readonly disk = new CoreDisk()
  readonly clock: CoreClock
  readonly chance: Stream
  /** Of the process that runs, or ran last. */
  raft: Raft<Command>
  process: CoreProcess | null = null
  readonly #world: CoreSurroundings
  readonly #writeMs: readonly [min: number, max: number]
  #run = 0

  constructor(world: CoreSurroundings, place: number, plan: CorePeerPlan) {
    this.#world = world
    this.id = plan.name
    this.place = place
    this.#writeMs = plan.writeMs
    this.chance = new Stream(`${world.plan.seed} core ${plan.name}`)
    this.clock = new CoreClock(() => world.scheduler.now, {
      rate: plan.clockRate,
      offsetMs: plan.clockOffsetMs,
      tickMs: plan.clockTickMs,
    })
    const { heartbeatMs, electionTimeoutMs } = world.plan.timing
    const { maxEntriesPerAppend, maxInflightAppends } = world.plan
    this.raft = createRaft(
      {
        self: this.id,
        configuration: world.configuration,
        heartbeatMs,
        electionTimeoutMs,
        rankStepMs: 10,
        maxEntriesPerAppend,
        maxInflightAppends,
      },
      this.disk,
    )
  }

  start(): void {
    if (this.process !== null) return
    this.#run += 1
    this.#world.claims.started(this.place)
    this.#world.log?.(this.id, `starts, run ${this.#run}`)
    const mark = 10 * this.#run + this.place + 1
    this.process = new CoreProcess(
      this.#world,
      this,
      new Incarnation(this.#world.scheduler, this.id, this.#run, mark),
    )
    this.process.start()
  }

  crash(): boolean {
    const { process } = this
    if (process === null) return false
    this.process = null
    process.incarnation.die()
    for (const candidate of process.candidates) this.#world.claims.leading.delete(candidate)
    for (const { withdrawals } of this.disk.crash(this.chance))
      for (const withdrawal of withdrawals) this.#world.claims.withdrew(this.place, withdrawal)
    this.#world.claims.crashed(this.place)
    this.#world.raftChecks.onCrash(this)
    this.#world.log?.(this.id, 'crashes')
    return true
  }

  writeTakesMs(): number {
    const [least, most] = this.#writeMs
    const usualMs = this.chance.between(least, most)
    const { slowness, slowUntil } = this.disk
    const { now } = this.#world.scheduler
    return now < slowUntil ? Math.min(usualMs * slowness, slowUntil - now + usualMs) : usualMs
  }

  arrives(packet: Packet): boolean {
    const { process } = this
    if (process === null) return false
    if (!process.incarnation.frozen) return true
    process.incarnation.defer(packet)
    return false
  }

  receive(from: number, letters: readonly Letter[]): void {
    this.process?.receive(this.#world.machines[from]?.id ?? '', letters)
  }
}
