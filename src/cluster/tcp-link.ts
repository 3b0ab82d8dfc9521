/**
 * Our way to one peer: an urgent and a bulk connection that come and go together. Broken, it dials at once; a refusal
 * then is evidence that the process is dead (DESIGN §4.2), anything else only a reason to try again.
 */
import type { Clock, Timer } from '../seams/clock.ts'
import { between, type Random } from '../seams/random.ts'
import type { Lane } from '../seams/transport.ts'
import type { Names } from './tcp-address.ts'
import type { Connection } from './tcp-connection.ts'
import { dial, type Dial, type DialFailure } from './tcp-dial.ts'
import { maxHandshakeBytes } from './tcp-frame.ts'
import { unexpected, type Welcome } from './tcp-handshake.ts'

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 500
/** A link that lived shorter does not earn an immediate dial: two peers that reject each other must not spin. */
const STEADY_MS = 200
/**
 * A dying process may close a connection a moment before its listener, which then accepts a dial and resets it as it
 * goes: the refusal comes with the next dial. Measured: every second kill -9.
 */
const DYING_ATTEMPTS = 5
/** Urgent messages are small; this many bytes waiting means that the peer has not read for a long time. */
const MAX_URGENT_QUEUE_BYTES = 1024 * 1024
const MAX_BULK_QUEUE_BYTES = 16 * 1024 * 1024

export interface LinkEvents {
  up(welcome: Welcome): void
  down(reason: string): void
  refused(): void
  /** The peer, or we ourselves, will have none of it until somebody changes something. */
  rejected(failure: DialFailure): void
}

export interface LinkOptions {
  readonly peer: string
  readonly address: string
  readonly hello: (lane: Lane) => Buffer
  /** Why the process that answered is not the one we want; undefined if it is. */
  readonly objection: (welcome: Welcome) => string | undefined
  readonly names: Names
  readonly clock: Clock
  readonly random: Random
  readonly events: LinkEvents
}

interface Lanes {
  readonly urgent: Connection
  readonly bulk: Connection
  readonly run: string
  readonly sinceMs: number
}

export class PeerLink {
  #problem = 'not connected yet'
  readonly #options: LinkOptions
  #lanes: Lanes | undefined
  #dial: Dial | undefined
  #pause: Timer | undefined
  #attempts = 0
  /** When the oldest urgent message left that has no receipt; undefined if all have. */
  #unansweredSinceMs: number | undefined
  /** It was up, and no refusal was reported since. */
  #refusalIsEvidence = false
  #closed = false

  constructor(options: LinkOptions) {
    this.#options = options
  }

  get up(): boolean {
    return this.#lanes !== undefined
  }

  get problem(): string | undefined {
    return this.up ? undefined : this.#problem
  }

  /** For how long an urgent message has waited for its receipt; 0 if none does. */
  get unansweredMs(): number {
    const since = this.#unansweredSinceMs
    return this.#lanes === undefined || since === undefined ? 0 : this.#options.clock.lower() - since
  }

  start(): void {
    this.#connect()
  }

  /** False if it was dropped. */
  send(frame: Buffer, lane: Lane, key: string | undefined): boolean {
    if (this.#lanes === undefined) return false
    if (lane === 'urgent') {
      this.#unansweredSinceMs ??= this.#options.clock.lower()
      return this.#lanes.urgent.send(frame, key)
    }
    return this.#lanes.bulk.hasRoomFor(frame.length) && this.#lanes.bulk.send(frame)
  }

  /** The peer dialled us as process `run`: it is there, and what we have of an earlier process is void. */
  seen(run: string): void {
    if (this.#lanes !== undefined) {
      if (this.#lanes.run !== run) this.#broken('the peer restarted')
    } else if (this.#pause !== undefined) {
      this.#attempts = 0
      this.#connect()
    }
  }

  /**
   * Dials beside a link on which nothing seems to arrive, and changes over if that succeeds: after a long partition TCP waits
   * for many seconds before it sends again.
   */
  refresh(): void {
    if (this.#lanes === undefined || this.#dial !== undefined) return
    this.#dial = this.#dialBoth((failure) => {
      this.#dial = undefined
      if (failure.kind === 'refused') this.#broken(failure.reason)
    })
  }

  close(whenGone: () => void): void {
    this.#closed = true
    this.#stopTrying()
    const lanes = this.#lanes
    this.#lanes = undefined
    this.#problem = 'closed'
    if (lanes === undefined) return whenGone()
    lanes.urgent.end()
    lanes.bulk.end(() => lanes.urgent.end(whenGone))
  }

  #stopTrying(): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#dial?.cancel()
    this.#dial = undefined
  }

  #connect(): void {
    this.#stopTrying()
    this.#dial = this.#dialBoth((failure) => this.#failed(failure))
  }

  /** Urgent first, then bulk; both must reach the same process. */
  #dialBoth(failed: (failure: DialFailure) => void): Dial {
    const { address, clock, names, hello } = this.#options
    let urgent: Connection | undefined
    let current: Dial
    const request = (lane: Lane, maxQueuedBytes: number) => ({
      address,
      clock,
      names,
      hello: hello(lane),
      maxQueuedBytes,
    })
    const cancel = (): void => {
      current.cancel()
      urgent?.destroy()
    }
    const fail = (failure: DialFailure): void => {
      cancel()
      failed(failure)
    }
    current = dial(request('urgent', MAX_URGENT_QUEUE_BYTES), {
      failed: fail,
      welcomed: (first, welcome) => {
        urgent = first
        const objection = this.#options.objection(welcome)
        if (objection !== undefined) return fail({ reason: objection, kind: 'rejected' })
        first.handOver(
          {
            closed: (reason) => fail({ reason, kind: 'broken' }),
            frame: (frame) => {
              throw unexpected(frame, 'silence')
            },
          },
          maxHandshakeBytes,
        )
        current = dial(request('bulk', MAX_BULK_QUEUE_BYTES), {
          failed: fail,
          welcomed: (bulk, second) => {
            if (second.run === welcome.run) return this.#connected(first, bulk, welcome)
            bulk.destroy()
            fail({ reason: 'the peer restarted', kind: 'broken' })
          },
        })
      },
    })
    return { cancel }
  }

  #connected(urgent: Connection, bulk: Connection, welcome: Welcome): void {
    this.#dial = undefined
    const before = this.#lanes
    const lanes: Lanes = { urgent, bulk, run: welcome.run, sinceMs: this.#options.clock.lower() }
    for (const connection of [urgent, bulk]) {
      connection.handOver(
        {
          closed: (reason) => this.#lanes === lanes && this.#broken(reason),
          frame: (frame) => {
            if (frame.type !== 'receipt' || connection !== urgent) throw unexpected(frame, 'receipts')
            if (this.#lanes === lanes) this.#unansweredSinceMs = undefined
          },
        },
        maxHandshakeBytes,
      )
    }
    this.#lanes = lanes
    this.#unansweredSinceMs = undefined
    this.#attempts = 0
    this.#refusalIsEvidence = true
    if (before !== undefined) {
      before.urgent.destroy()
      before.bulk.destroy()
      if (before.run === welcome.run) return
      this.#options.events.down('the peer restarted')
    }
    this.#options.events.up(welcome)
  }

  #broken(reason: string): void {
    const lanes = this.#lanes
    if (lanes === undefined) return
    this.#stopTrying()
    this.#lanes = undefined
    this.#problem = `${reason} at ${this.#options.address}`
    lanes.urgent.destroy()
    lanes.bulk.destroy()
    if (this.#options.clock.lower() - lanes.sinceMs >= STEADY_MS) this.#connect()
    else this.#pauseThenConnect(FIRST_PAUSE_MS)
    this.#options.events.down(reason)
  }

  #failed(failure: DialFailure): void {
    this.#dial = undefined
    if (this.#closed) return
    this.#problem = failure.reason
    this.#attempts += 1
    const dying = failure.kind === 'broken' && this.#refusalIsEvidence && this.#attempts <= DYING_ATTEMPTS
    if (dying) this.#connect()
    else if (failure.kind === 'rejected') this.#pauseThenConnect(LONGEST_PAUSE_MS)
    else
      this.#pauseThenConnect(
        Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#attempts - 1, 16)),
      )
    if (failure.kind === 'rejected') this.#options.events.rejected(failure)
    if (failure.kind === 'refused' && this.#refusalIsEvidence) {
      this.#refusalIsEvidence = false
      this.#options.events.refused()
    }
  }

  #pauseThenConnect(pauseMs: number): void {
    const drawnMs = between(this.#options.random, pauseMs / 2, pauseMs)
    this.#pause = this.#options.clock.setTimer(drawnMs, () => this.#connect())
  }
}
