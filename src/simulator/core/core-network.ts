/** Packets between peers: each takes its own time, may be lost, doubled or late, and cut ways swallow what arrives. */
import type { Scheduler } from '../scheduler.ts'
import type { Stream } from '../streams.ts'
import { Task } from '../task-queue.ts'
import type { CoreQuality } from './core-plan.ts'
import type { Letter } from './letter.ts'

export interface Receiver<Content = Letter> {
  /** False: nobody is there now. */
  arrives(packet: Packet<Content>): boolean
  receive(from: number, letters: readonly Content[]): void
}

export class CoreNetwork<Content = Letter> {
  quality: CoreQuality
  readonly #scheduler: Scheduler
  readonly #chance: Stream
  readonly #receivers: readonly Receiver<Content>[]
  readonly #tally: (fault: string) => void
  /** By from x count + to: how many cuts lie on this way. */
  readonly #cuts: number[]

  constructor(
    scheduler: Scheduler,
    chance: Stream,
    quality: CoreQuality,
    receivers: readonly Receiver<Content>[],
    tally: (fault: string) => void,
  ) {
    this.#scheduler = scheduler
    this.#chance = chance
    this.quality = quality
    this.#receivers = receivers
    this.#tally = tally
    this.#cuts = receivers.flatMap(() => receivers.map(() => 0))
  }

  /** Everything that one turn of one peer has for another; on a bad day each letter travels alone. */
  send(from: number, to: number, letters: Content[]): void {
    const { drop, duplicate, late } = this.quality
    if (drop === 0 && duplicate === 0 && late === 0) {
      this.#post(from, to, letters)
      return
    }
    for (const letter of letters) {
      if (this.#chance.chance(drop)) {
        this.#tally('drop')
        continue
      }
      this.#post(from, to, [letter])
      if (!this.#chance.chance(duplicate)) continue
      this.#tally('duplicate')
      this.#post(from, to, [letter])
    }
  }

  #post(from: number, to: number, letters: readonly Content[]): void {
    const { minMs, maxMs, late, lateMs } = this.quality
    let delayMs = minMs + (maxMs - minMs) * this.#chance.next()
    if (this.#chance.chance(late)) {
      this.#tally('late')
      delayMs += this.#chance.between(0, lateMs)
    }
    const receiver = this.#receivers[to]
    if (receiver !== undefined)
      this.#scheduler.put(new Packet(this, receiver, from, to, letters), this.#scheduler.now + delayMs)
  }

  isCut(from: number, to: number): boolean {
    return (this.#cuts[from * this.#receivers.length + to] ?? 0) > 0
  }

  /** A way may be cut several times over; each is mended by itself. */
  cut(from: number, to: number, by: 1 | -1): void {
    const way = from * this.#receivers.length + to
    this.#cuts[way] = (this.#cuts[way] ?? 0) + by
  }

  mendAll(): void {
    this.#cuts.fill(0)
  }
}

/** To whoever lives there when it arrives, not when it was sent. */
export class Packet<Content = Letter> extends Task {
  declare private readonly network: CoreNetwork<Content>
  declare private readonly receiver: Receiver<Content>
  declare readonly from: number
  declare readonly to: number
  declare readonly letters: readonly Content[]

  constructor(
    network: CoreNetwork<Content>,
    receiver: Receiver<Content>,
    from: number,
    to: number,
    letters: readonly Content[],
  ) {
    super(null, 'input')
    this.network = network
    this.receiver = receiver
    this.from = from
    this.to = to
    this.letters = letters
  }

  override get mark(): number {
    return 100 + 10 * this.from + this.to
  }

  override arrives(): boolean {
    return !this.network.isCut(this.from, this.to) && this.receiver.arrives(this)
  }

  run(): void {
    this.receiver.receive(this.from, this.letters)
  }
}
