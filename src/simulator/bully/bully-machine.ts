/** A peer across its crashes: its disk and clock stay, its process comes and goes. */
import type { BullyMessage, BullyRecord } from '../../protocols/bully/types.ts'
import { CoreClock } from '../core/core-clock.ts'
import type { CorePeerPlan } from '../core/core-plan.ts'
import type { Packet, Receiver } from '../core/core-network.ts'
import { Incarnation } from '../incarnation.ts'
import { Stream } from '../streams.ts'
import { BullyProcess } from './bully-process.ts'
import type { Batch, BullyHost, BullySurroundings } from './bully-surroundings.ts'

export class BullyMachine implements Receiver<BullyMessage>, BullyHost {
  readonly id: string
  readonly place: number
  readonly clock: CoreClock
  readonly chance: Stream
  /** What is durable, and what is on its way, in that order. */
  readonly records: BullyRecord[] = []
  readonly pending: Batch[] = []
  slowUntil = 0
  slowness = 1
  process: BullyProcess | null = null
  readonly #world: BullySurroundings
  readonly #writeMs: readonly [min: number, max: number]
  #run = 0

  constructor(world: BullySurroundings, place: number, plan: CorePeerPlan) {
    this.#world = world
    this.id = plan.name
    this.place = place
    this.#writeMs = plan.writeMs
    this.chance = new Stream(`${world.plan.seed} bully ${plan.name}`)
    this.clock = new CoreClock(() => world.scheduler.now, {
      rate: plan.clockRate,
      offsetMs: plan.clockOffsetMs,
      tickMs: plan.clockTickMs,
    })
  }

  start(): void {
    if (this.process !== null) return
    this.#run += 1
    this.#world.claims.started(this.place)
    this.#world.log?.(this.id, `starts, run ${this.#run}`)
    const mark = 10 * this.#run + this.place + 1
    const incarnation = new Incarnation(this.#world.scheduler, this.id, this.#run, mark)
    this.process = new BullyProcess(this.#world, this, incarnation)
    this.process.start()
  }

  crash(): boolean {
    const { process } = this
    if (process === null) return false
    this.process = null
    process.incarnation.die()
    for (const candidate of process.candidates) this.#world.claims.leading.delete(candidate)
    // What was on its way is lost, or only the word that it arrived.
    for (let left = this.chance.below(this.pending.length + 1); left > 0; left--) this.written()
    this.pending.length = 0
    this.#world.claims.crashed(this.place)
    this.#world.log?.(this.id, 'crashes')
    return true
  }

  /** The oldest batch is durable now. */
  written(): Batch | undefined {
    const batch = this.pending.shift()
    for (const record of batch?.records ?? []) {
      this.records.push(record)
      this.#world.claims.durable(this.place, record)
    }
    return batch
  }

  writeTakesMs(): number {
    const [least, most] = this.#writeMs
    const usualMs = this.chance.between(least, most)
    const { now } = this.#world.scheduler
    return now < this.slowUntil ? Math.min(usualMs * this.slowness, this.slowUntil - now + usualMs) : usualMs
  }

  arrives(packet: Packet<BullyMessage>): boolean {
    const { process } = this
    if (process === null) return false
    if (!process.incarnation.frozen) return true
    process.incarnation.defer(packet)
    return false
  }

  receive(from: number, letters: readonly BullyMessage[]): void {
    this.process?.receive(this.#world.machines[from]?.id ?? '', letters)
  }
}
