/** A peer across its crashes: its disk and clock stay, its process comes and goes. */
import type { AcceptorRecord } from '../../protocols/paxos/types.ts'
import { CoreClock } from '../core/core-clock.ts'
import type { Packet, Receiver } from '../core/core-network.ts'
import type { CorePeerPlan } from '../core/core-plan.ts'
import { Incarnation } from '../incarnation.ts'
import { Stream } from '../streams.ts'
import { PaxosProcess, type PaxosHost, type PaxosLetter, type PaxosSurroundings } from './paxos-process.ts'

export class PaxosMachine implements Receiver<PaxosLetter>, PaxosHost {
  readonly id: string
  readonly place: number
  readonly clock: CoreClock
  readonly chance: Stream
  disk: AcceptorRecord | null = null
  readonly pending: AcceptorRecord[] = []
  writtenAt = 0
  slowness = 1
  slowUntil = 0
  process: PaxosProcess | null = null
  run = 0
  readonly #world: PaxosSurroundings
  readonly #writeMs: readonly [min: number, max: number]

  constructor(world: PaxosSurroundings, place: number, plan: CorePeerPlan) {
    this.#world = world
    this.id = plan.name
    this.place = place
    this.#writeMs = plan.writeMs
    this.chance = new Stream(`${world.plan.seed} paxos ${plan.name}`)
    this.clock = new CoreClock(() => world.scheduler.now, {
      rate: plan.clockRate,
      offsetMs: plan.clockOffsetMs,
      tickMs: plan.clockTickMs,
    })
  }

  start(): boolean {
    if (this.process !== null) return false
    this.run += 1
    this.#world.log?.(this.id, `starts, run ${this.run}`)
    const mark = 10 * this.run + this.place + 1
    this.process = new PaxosProcess(
      this.#world,
      this,
      new Incarnation(this.#world.scheduler, this.id, this.run, mark),
    )
    this.process.start()
    return true
  }

  crash(): boolean {
    const { process } = this
    if (process === null) return false
    this.process = null
    process.incarnation.die()
    for (const leading of [...this.#world.claims.leading])
      if (leading.session === process.session.session) this.#world.claims.ended(leading)
    // What was on its way is lost, or only the word that it arrived.
    for (let left = this.chance.below(this.pending.length + 1); left > 0; left--)
      this.disk = this.pending.shift() ?? this.disk
    this.pending.length = 0
    this.writtenAt = 0
    this.#world.log?.(this.id, 'crashes')
    return true
  }

  writeTakesMs(): number {
    const [least, most] = this.#writeMs
    const usualMs = this.chance.between(least, most)
    const { now } = this.#world.scheduler
    return now < this.slowUntil ? Math.min(usualMs * this.slowness, this.slowUntil - now + usualMs) : usualMs
  }

  arrives(packet: Packet<PaxosLetter>): boolean {
    const { process } = this
    if (process === null) return false
    if (!process.incarnation.frozen) return true
    process.incarnation.defer(packet)
    return false
  }

  receive(_from: number, letters: readonly PaxosLetter[]): void {
    this.process?.receive(letters)
  }
}
