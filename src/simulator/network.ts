/**
 * Hosts, the ways between them, and connections as kernels make them: a dial is answered by the host (refused if nobody
 * listens, silence if the host is down or cut off), data for a dead process is answered with a reset, and the death of a
 * process closes what it held. Handshakes and what is said on a connection belong to the two ends.
 */
import { Input, type Incarnation } from './incarnation.ts'
import { Lane, Route, type RouteQuality, type Sender, type Tally } from './route.ts'
import type { Scheduler } from './scheduler.ts'
import { Stream } from './streams.ts'

/** A machine on the network. */
export interface Host {
  readonly name: string
  /** Its kernel answers. */
  readonly up: boolean
}

export interface Listener {
  readonly process: Incarnation
  /** A connection was made; what the dialling side said with it. */
  accept(end: End, hello: unknown): void
}

/** What one side hears of a connection. Set by `take`; frames that come before are lost. */
export interface EndEvents {
  frame(message: unknown): void
  closed(reason: string): void
}

export interface DialOutcome {
  /** The other side's first word, for `answer`. */
  answered(end: End, answer: unknown): void
  /** `refused`: the host said that nobody listens. `broken`: somebody accepted, and hung up without a word. */
  failed(kind: 'refused' | 'broken' | 'unreachable'): void
}

export interface Dial {
  cancel(): void
}

const CONNECT_MS = 1000
const HANDSHAKE_MS = 2000
/** TCP sends so many packets without an acknowledgement (the first window of Linux): one way alone carries no more. */
const WINDOW = 10

export interface NetworkOptions {
  readonly scheduler: Scheduler
  readonly seed: string
  readonly tally: Tally
  readonly quality: (from: string, to: string) => RouteQuality
  /** The part of all connections on which what is sent at one instant comes with one read. */
  readonly coalescing: number
}

export class Network {
  readonly scheduler: Scheduler
  readonly #options: NetworkOptions
  readonly #routes = new Map<string, Map<string, Route>>()
  readonly #listeners = new Map<string, Listener>()
  readonly #hosts = new Map<string, Host>()
  /** By process, its ends of connections. */
  readonly #ends = new Map<Incarnation, Set<End>>()
  readonly #chance: Stream
  readonly tally: Tally

  constructor(options: NetworkOptions) {
    this.scheduler = options.scheduler
    this.tally = options.tally
    this.#options = options
    this.#chance = new Stream(`${options.seed} network`)
  }

  /** Whether what is sent at once on a new connection comes at once. */
  coalesces(): boolean {
    return this.#chance.chance(this.#options.coalescing)
  }

  add(host: Host): void {
    this.#hosts.set(host.name, host)
  }

  route(from: string, to: string): Route {
    let routes = this.#routes.get(from)
    if (routes === undefined) this.#routes.set(from, (routes = new Map()))
    let route = routes.get(to)
    if (route === undefined) {
      const { scheduler, seed, tally, quality } = this.#options
      const chance = new Stream(`${seed} route ${from}>${to}`)
      routes.set(to, (route = new Route(scheduler, quality(from, to), chance, tally)))
    }
    return route
  }

  /** False if somebody listens there already. */
  listen(listener: Listener): boolean {
    const { process } = listener
    if (this.#listeners.has(process.process)) return false
    this.#listeners.set(process.process, listener)
    process.atDeath(() => this.unlisten(listener))
    return true
  }

  unlisten(listener: Listener): void {
    const { process } = listener.process
    if (this.#listeners.get(process) === listener) this.#listeners.delete(process)
  }

  dial(from: Incarnation, to: string, hello: unknown, outcome: DialOutcome): Dial {
    const attempt = new Attempt(from, outcome)
    from.act(() => this.#dial(from, to, hello, attempt))
    return attempt
  }

  #dial(from: Incarnation, to: string, hello: unknown, attempt: Attempt): void {
    const { scheduler } = this
    const way = this.route(from.process, to)
    const back = this.route(to, from.process)
    const giveUp = new Input(from, () => attempt.fail('unreachable'))
    scheduler.put(giveUp, scheduler.now + CONNECT_MS)
    const forthMs = way.aloneMs()
    if (forthMs === null) return
    scheduler.after(forthMs, () => {
      if (!this.answers(to) || !from.alive) return
      const listener = this.#listeners.get(to)
      const backMs = back.aloneMs()
      if (backMs === null) return
      if (listener === undefined) {
        scheduler.put(new Input(from, () => attempt.fail('refused')), scheduler.now + backMs)
        return
      }
      // The kernel accepts; the hello follows the dialler's acknowledgement.
      giveUp.cancelled = true
      scheduler.put(new Input(from, () => attempt.fail('unreachable')), scheduler.now + backMs + HANDSHAKE_MS)
      const near = new End(this, from, to)
      const far = new End(this, listener.process, from.process)
      near.join(far)
      attempt.connected(near)
      near.take({
        frame: (answer) => attempt.answer(near, answer),
        closed: () => attempt.fail('broken'),
      })
      const acknowledgedMs = way.aloneMs()
      if (acknowledgedMs === null) return
      scheduler.put(
        new Input(listener.process, () => listener.accept(far, hello)),
        scheduler.now + backMs + acknowledgedMs,
      )
    })
  }

  /** Whether the kernel of this host runs. */
  answers(host: string): boolean {
    return this.#hosts.get(host)?.up === true
  }

  opened(end: End): void {
    const { process } = end
    let ends = this.#ends.get(process)
    if (ends === undefined) {
      this.#ends.set(process, (ends = new Set()))
      process.atDeath(() => this.#died(process))
    }
    ends.add(end)
  }

  closed(end: End): void {
    this.#ends.get(end.process)?.delete(end)
  }

  /** The kernel closes what the process held. A machine without power says nothing. */
  #died(process: Incarnation): void {
    const speaks = this.answers(process.process)
    for (const end of this.#ends.get(process) ?? []) {
      if (!speaks) end.vanish()
      // Unread data makes a reset of it, which overtakes what is under way.
      else if (this.#chance.chance(0.5)) end.close('connection closed')
      else end.reset('connection reset')
    }
    this.#ends.delete(process)
  }

  /**
   * Connections between these that TCP would revive only after a while are ended, so that both sides make new ones: "whole"
   * is the network from now on, and not some seconds later.
   */
  unstick(hosts: readonly string[]): void {
    for (const ends of this.#ends.values()) {
      for (const end of [...ends]) {
        if (end.stuck && hosts.includes(end.process.process) && hosts.includes(end.to)) {
          end.breakBoth('connection reset')
        }
      }
    }
  }

  /** Breaks every connection that `from` dialled to `to`, as a box in between would: both ends hear of it. */
  reset(from: string, to: string): boolean {
    let any = false
    for (const [process, ends] of this.#ends) {
      if (process.process !== from) continue
      for (const end of [...ends]) {
        if (end.to !== to) continue
        any = true
        end.breakBoth('connection reset')
      }
    }
    return any
  }
}

class Attempt implements Dial {
  readonly #process: Incarnation
  readonly #outcome: DialOutcome
  #settled = false
  #end: End | null = null

  constructor(process: Incarnation, outcome: DialOutcome) {
    this.#process = process
    this.#outcome = outcome
  }

  connected(end: End): void {
    this.#end = end
    if (this.#settled) end.reset('cancelled')
  }

  answer(end: End, answer: unknown): void {
    if (this.#settled) return
    this.#settled = true
    this.#outcome.answered(end, answer)
  }

  fail(kind: 'refused' | 'broken' | 'unreachable'): void {
    if (this.#settled || !this.#process.alive) return
    this.#settled = true
    this.#end?.reset('given up')
    this.#outcome.failed(kind)
  }

  cancel(): void {
    if (this.#settled) return
    this.#settled = true
    this.#end?.reset('cancelled')
  }
}

/** The last that comes over a connection. */
class Ending {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** One side of a connection. Two lanes, as a peer has two connections; a client uses one. */
export class End implements Sender {
  readonly process: Incarnation
  readonly to: string
  readonly #network: Network
  readonly #out: Route
  readonly #lanes: readonly [Lane, Lane]
  #other!: End
  #open = true
  #events: EndEvents | null = null
  /** Packets sent while no acknowledgement could come. */
  #unacknowledged = 0
  /** When the oldest message left of which the other side's application has not told that it came. */
  #unansweredSince: number | null = null

  constructor(network: Network, process: Incarnation, to: string) {
    this.#network = network
    this.process = process
    this.to = to
    this.#out = network.route(process.process, to)
    const coalesces = network.coalesces()
    this.#lanes = [new Lane(coalesces), new Lane(coalesces)]
    network.opened(this)
  }

  join(other: End): void {
    this.#other = other
    other.#other = this
  }

  get open(): boolean {
    return this.#open
  }

  /** What is under way on it waits for a retransmission, or the news that it ended do. */
  get stuck(): boolean {
    return !this.#other.#open || this.#lanes.some((lane) => lane.blockedUntil > this.#network.scheduler.now)
  }

  get unansweredMs(): number {
    return this.#unansweredSince === null ? 0 : this.#network.scheduler.now - this.#unansweredSince
  }

  take(events: EndEvents): void {
    this.#events = events
  }

  send(message: unknown, lane: 0 | 1, mark: number, strict: boolean): void {
    const { process } = this
    if (process.isHalfWay) return process.act(() => this.send(message, lane, mark, strict))
    if (!this.#open) return
    this.#unansweredSince ??= this.#network.scheduler.now
    const back = this.#other.#out
    if (!back.isCut) this.#unacknowledged = 0
    else if (this.#unacknowledged++ >= WINDOW) {
      back.whenMended(() => this.#carry(message, lane, mark, strict))
      return
    }
    this.#carry(message, lane, mark, strict)
  }

  #carry(message: unknown, lane: 0 | 1, mark: number, strict: boolean): void {
    if (this.#open) this.#out.carry(this.#lanes[lane], this.#other.process, mark, strict, this, message)
  }

  delivered(message: unknown): void {
    const other = this.#other
    if (message instanceof Ending) return other.broken(message.reason)
    if (!other.#open) return other.#answerWithReset()
    // Its receipt comes back unless that way is cut.
    if (!other.#out.isCut) this.#unansweredSince = null
    other.#events?.frame(message)
  }

  undelivered(): void {
    if (this.#open) this.#other.#answerWithReset()
  }

  /** After what was sent. Nothing is heard any more. */
  close(reason: string): void {
    const { process } = this
    if (process.isHalfWay) return process.act(() => this.close(reason))
    if (!this.#shut()) return
    const [urgent, bulk] = this.#lanes
    this.#out.carry(
      urgent.arrivesAt > bulk.arrivesAt ? urgent : bulk,
      this.#other.process,
      5,
      true,
      this,
      new Ending(reason),
    )
  }

  /** At once, before what was sent perhaps. */
  reset(reason: string): void {
    const { process } = this
    if (process.isHalfWay) return process.act(() => this.reset(reason))
    if (this.#shut()) this.#reset(reason)
  }

  #reset(reason: string): void {
    this.#out.carry(new Lane(), this.#other.process, 6, true, this, new Ending(reason))
  }

  /** Without a word: the machine has no power. */
  vanish(): void {
    this.#shut()
  }

  /** It ended, and this side hears of it. */
  broken(reason: string): void {
    if (!this.#shut()) return
    this.#events?.closed(reason)
  }

  /** A box in between ends it for both. */
  breakBoth(reason: string): void {
    const { scheduler } = this.#network
    for (const end of [this, this.#other])
      if (end.#open) scheduler.put(new Input(end.process, () => end.broken(reason)), scheduler.now)
  }

  #answerWithReset(): void {
    this.#shut()
    if (this.#network.answers(this.process.process)) this.#reset('connection reset')
  }

  #shut(): boolean {
    if (!this.#open) return false
    this.#open = false
    this.#network.closed(this)
    return true
  }
}
