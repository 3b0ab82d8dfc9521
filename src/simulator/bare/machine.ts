/** A peer of the bare cores across its crashes: its clock, and what its disk holds, stay; its process comes and goes. */
import { CoreClock } from '../core/core-clock.ts'
import type { Packet, Receiver } from '../core/core-network.ts'
import type { CorePeerPlan } from '../core/core-plan.ts'
import { Incarnation } from '../incarnation.ts'
import { Stream } from '../streams.ts'
import type { Surroundings } from './surroundings.ts'

export interface BareProcess<Letter> {
  readonly incarnation: Incarnation
  start(): void
  receive(from: string, letters: readonly Letter[]): void
}

export abstract class BareMachine<Process extends BareProcess<Letter>, Letter> implements Receiver<Letter> {
  readonly id: string
  readonly place: number
  readonly clock: CoreClock
  readonly chance: Stream
  /** Until this true time writes take so many times as long. */
  slowUntil = 0
  slowness = 1
  process: Process | null = null
  run = 0
  readonly #stage: Surroundings<{ readonly id: string }, Letter>
  readonly #writeMs: readonly [min: number, max: number]

  constructor(stage: Surroundings<{ readonly id: string }, Letter>, place: number, plan: CorePeerPlan) {
    this.#stage = stage
    this.id = plan.name
    this.place = place
    this.#writeMs = plan.writeMs
    this.chance = new Stream(`${stage.plan.seed} ${stage.name} ${plan.name}`)
    this.clock = new CoreClock(() => stage.scheduler.now, {
      rate: plan.clockRate,
      offsetMs: plan.clockOffsetMs,
      tickMs: plan.clockTickMs,
    })
  }

  protected abstract create(incarnation: Incarnation): Process
  /** What was on its way to the disk is lost, or only the word that it arrived. */
  protected abstract crashed(process: Process): void

  /** False: it runs already. */
  start(): boolean {
    if (this.process !== null) return false
    this.run += 1
    this.#stage.log?.(this.id, `starts, run ${this.run}`)
    const mark = 10 * this.run + this.place + 1
    this.process = this.create(new Incarnation(this.#stage.scheduler, this.id, this.run, mark))
    this.process.start()
    return true
  }

  /** False: nothing runs. */
  crash(): boolean {
    const { process } = this
    if (process === null) return false
    this.process = null
    process.incarnation.die()
    this.crashed(process)
    this.#stage.log?.(this.id, 'crashes')
    return true
  }

  writeTakesMs(): number {
    const [least, most] = this.#writeMs
    const usualMs = this.chance.between(least, most)
    const { now } = this.#stage.scheduler
    return now < this.slowUntil ? Math.min(usualMs * this.slowness, this.slowUntil - now + usualMs) : usualMs
  }

  arrives(packet: Packet<Letter>): boolean {
    const { process } = this
    if (process === null) return false
    if (!process.incarnation.frozen) return true
    process.incarnation.defer(packet)
    return false
  }

  receive(from: number, letters: readonly Letter[]): void {
    this.process?.receive(this.#stage.machines[from]?.id ?? '', letters)
  }
}
