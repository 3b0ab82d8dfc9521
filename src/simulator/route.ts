/**
 * One direction between two hosts, and the TCP connections over it. What TCP does is kept: a lane is in order, a lost
 * packet delays what is behind it, a cut way delays everything until it is mended (and then it comes, late), and bytes
 * are lost only with their connection. Beyond TCP, because the Transport may: a single message is dropped (its queue was
 * full, a newer one replaced it), and one is delivered twice or late (the seam promises order within one lane of one
 * connection only, so a straggler looks as if it came over an earlier connection of the same process).
 */
import { onGrain } from './machine-clock.ts'
import type { Scheduler } from './scheduler.ts'
import type { Stream } from './streams.ts'
import { Task, type Executor } from './task-queue.ts'

/** How a way behaves; every probability is per message. */
export interface RouteQuality {
  readonly minMs: number
  readonly maxMs: number
  /** A packet is lost: it comes a retransmission later, and everything behind it in its lane too. */
  readonly loss: number
  /** A single message vanishes. */
  readonly drop: number
  /** A message comes a second time. */
  readonly duplicate: number
  /** A message leaves its place and comes later. */
  readonly reorder: number
  /** A message, and all behind it, is held up for up to `spikeMs`. */
  readonly spike: number
  readonly spikeMs: number
  /** False: all of the above but the delay is 0. */
  readonly faulty: boolean
}

export const perfectRoute: RouteQuality = {
  minMs: 0.1,
  maxMs: 0.4,
  loss: 0,
  drop: 0,
  duplicate: 0,
  reorder: 0,
  spike: 0,
  spikeMs: 0,
  faulty: false,
}

/** Counts what really happened. */
export type Tally = (fault: string) => void

const RETRANSMISSION_MS = 200

export class Route {
  readonly #scheduler: Scheduler
  readonly #chance: Stream
  readonly #tally: Tally
  quality: RouteQuality
  #cutSince: number | null = null
  /** Arrived at the cut, each the first of its lane; they go on when it is mended. */
  readonly #held: Arrival[] = []
  /** What waits for acknowledgements that come this way. */
  readonly #waiting: (() => void)[] = []

  constructor(scheduler: Scheduler, quality: RouteQuality, chance: Stream, tally: Tally) {
    this.#scheduler = scheduler
    this.quality = quality
    this.#chance = chance
    this.#tally = tally
  }

  get isCut(): boolean {
    return this.#cutSince !== null
  }

  cut(): void {
    this.#cutSince ??= this.#scheduler.now
  }

  /** What waited comes when its sender tries again: TCP does so after about as long as the cut lasted, 10 s at most. */
  mend(): void {
    if (this.#cutSince === null) return
    const longestMs = Math.min(10_000, this.#scheduler.now - this.#cutSince)
    this.#cutSince = null
    const held = this.#held.splice(0)
    if (held.length > 0) this.#tally('late flush')
    for (const arrival of held) {
      const { lane } = arrival
      const at = onGrain(this.#scheduler.now + this.delayMs() + this.#chance.next() * longestMs)
      lane.blockedUntil = Math.max(lane.blockedUntil, at)
      lane.arrivesAt = Math.max(lane.arrivesAt, lane.blockedUntil)
      this.#scheduler.put(arrival, lane.blockedUntil)
    }
    for (const send of this.#waiting.splice(0)) send()
  }

  /** Called once this way is open again. */
  whenMended(send: () => void): void {
    this.#waiting.push(send)
  }

  /** One way, for one packet. */
  delayMs(): number {
    const { minMs, maxMs } = this.quality
    return minMs + (maxMs - minMs) * this.#chance.next()
  }

  /** For a packet that stands alone (a dial, a reset): null if it gets nowhere. */
  aloneMs(): number | null {
    if (this.isCut) {
      this.#tally('cut')
      return null
    }
    return this.delayMs()
  }

  /** A message on a connection, to `process`. `strict`: exactly as TCP. */
  carry(
    lane: Lane,
    process: Executor,
    mark: number,
    strict: boolean,
    sender: Sender,
    message: unknown,
  ): void {
    const { quality } = this
    const now = this.#scheduler.now
    const companion = quality.faulty ? null : lane.companion(now)
    if (companion !== null) return companion.add(message, mark)
    let at = now + this.delayMs()
    if (quality.faulty && !strict) {
      if (this.#chance.chance(quality.drop)) return this.#tally('message dropped')
      if (this.#chance.chance(quality.duplicate)) {
        this.#tally('message duplicated')
        this.#stray(process, mark, sender, message)
      }
      if (this.#chance.chance(quality.reorder)) {
        this.#tally('message reordered')
        return this.#stray(process, mark, sender, message)
      }
    }
    if (quality.faulty) {
      if (this.#chance.chance(quality.loss)) {
        this.#tally('packet lost')
        at += RETRANSMISSION_MS
      }
      if (this.#chance.chance(quality.spike)) {
        this.#tally('long delay')
        at += quality.spikeMs * this.#chance.next()
      }
    }
    if (at < lane.arrivesAt) at = lane.arrivesAt
    else at = onGrain(at)
    lane.arrivesAt = at
    const arrival = new Arrival(this, lane, process, mark, sender, message)
    arrival.sentAt = now
    lane.join(arrival)
    this.#scheduler.put(arrival, at)
  }

  /** Outside of the order of its lane. */
  #stray(process: Executor, mark: number, sender: Sender, message: unknown): void {
    const at = this.#scheduler.now + this.delayMs() + this.#chance.next() * 4 * (this.quality.maxMs + 10)
    const lane = new Lane()
    const arrival = new Arrival(this, lane, process, mark, sender, message)
    lane.join(arrival)
    this.#scheduler.put(arrival, onGrain(at))
  }

  /** True if the way is open now; else the arrival is kept, or comes when those before it have come. */
  admits(arrival: Arrival): boolean {
    const { lane } = arrival
    if (lane.first !== arrival) {
      arrival.waits = true
      return false
    }
    if (this.#cutSince !== null) {
      this.#tally('cut')
      this.#held.push(arrival)
      return false
    }
    if (lane.blockedUntil > this.#scheduler.now) {
      this.#scheduler.put(arrival, lane.blockedUntil)
      return false
    }
    const next = lane.leave()
    if (next?.waits === true) this.#scheduler.put(next, this.#scheduler.now)
    return true
  }
}

/** What is in order: one direction of one connection. */
export class Lane {
  /** When the message that was sent last arrives. */
  arrivesAt = 0
  /** Until then nothing passes. */
  blockedUntil = 0
  /** What is sent at one instant comes with one read, as it mostly does over TCP: one turn for the receiver. */
  readonly #coalesces: boolean
  /** Under way, in order: nothing overtakes the first, whatever holds it up and however often. */
  #first: Arrival | null = null
  #last: Arrival | null = null

  constructor(coalesces = false) {
    this.#coalesces = coalesces
  }

  get first(): Arrival | null {
    return this.#first
  }

  /** With what a message that is sent now travels; null: by itself. */
  companion(now: number): Arrival | null {
    const last = this.#last
    return this.#coalesces && last !== null && last.sentAt === now ? last : null
  }

  join(arrival: Arrival): void {
    if (this.#last === null) this.#first = arrival
    else this.#last.next = arrival
    this.#last = arrival
  }

  /** The first has come; returns the one behind it. */
  leave(): Arrival | null {
    const next = this.#first?.next ?? null
    this.#first = next
    if (next === null) this.#last = null
    return next
  }
}

/** Who sent something, and is told what becomes of it. */
export interface Sender {
  /** It is there. */
  delivered(message: unknown): void
  /** The process is dead. */
  undelivered(): void
}

/** A message at the end of its way. Held up at a cut there, it keeps its place. */
class Arrival extends Task {
  declare readonly lane: Lane
  declare mark: number
  declare sentAt: number
  /** The one behind it in its lane. */
  declare next: Arrival | null
  /** Its time has come, and the lane's first has not. */
  declare waits: boolean
  declare private readonly route: Route
  declare private readonly sender: Sender
  declare private readonly message: unknown
  declare private more: unknown[] | null

  constructor(route: Route, lane: Lane, process: Executor, mark: number, sender: Sender, message: unknown) {
    super(process, 'input')
    this.route = route
    this.lane = lane
    this.mark = mark
    this.sender = sender
    this.message = message
    this.sentAt = -1
    this.next = null
    this.waits = false
    this.more = null
  }

  /** Another message that travels with it. */
  add(message: unknown, mark: number): void {
    this.more ??= []
    this.more.push(message)
    this.mark = (this.mark * 31 + mark) % 2 ** 40
  }

  override arrives(): boolean {
    return this.route.admits(this)
  }

  override refused(): void {
    this.sender.undelivered()
  }

  run(): void {
    this.sender.delivered(this.message)
    if (this.more !== null) for (const message of this.more) this.sender.delivered(message)
  }
}
