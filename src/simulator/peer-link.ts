/**
 * A peer's way to one other peer, as `cluster/tcp-link` has it over sockets: dialled again at once when it breaks, with
 * growing pauses when that fails; a refusal after it was up is evidence; a link on which nothing is answered is dialled
 * afresh beside.
 */
import type { Timer } from '../seams/clock.ts'
import type { ProcessIdentity } from '../seams/storage.ts'
import type { Lane } from '../seams/transport.ts'
import type { Dial, End, Network } from './network.ts'
import type { Incarnation } from './incarnation.ts'
import type { ProcessClock } from './process-clock.ts'
import type { Stream } from './streams.ts'

/** What the two sides show each other (`cluster/tcp-handshake`). */
export type Hello =
  | {
      readonly is: 'peer'
      readonly from: string
      readonly seen: number | null
      readonly shown: ProcessIdentity
    }
  | { readonly is: 'client' }
export type Answer =
  | { readonly is: 'welcome'; readonly shown: ProcessIdentity }
  | { readonly is: 'rejected'; readonly reason: string }

export interface PeerLinkEvents {
  up(shown: ProcessIdentity): void
  down(reason: string): void
  refused(): void
  rejected(reason: string): void
}

export interface PeerLinkOptions {
  readonly network: Network
  readonly process: Incarnation
  readonly clock: ProcessClock
  readonly chance: Stream
  readonly to: string
  readonly hello: () => Hello
  /** Why the process that answered is not let in; undefined if it is. */
  readonly objection: (shown: ProcessIdentity) => string | undefined
  readonly events: PeerLinkEvents
}

// The figures of `cluster/tcp-link`.
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 500
const STEADY_MS = 200
const DYING_ATTEMPTS = 5

export class PeerLink {
  readonly #options: PeerLinkOptions
  #end: End | null = null
  #run = ''
  #sinceMs = 0
  #dial: Dial | null = null
  #pause: Timer | null = null
  #attempts = 0
  #refusalIsEvidence = false
  #closed = false
  #problem = 'not connected yet'

  constructor(options: PeerLinkOptions) {
    this.#options = options
  }

  get problem(): string | undefined {
    return this.#end === null ? this.#problem : undefined
  }

  get unansweredMs(): number {
    return this.#end?.unansweredMs ?? 0
  }

  start(): void {
    this.#connect()
  }

  send(message: unknown, lane: Lane, mark: number): void {
    this.#end?.send(message, lane === 'urgent' ? 0 : 1, mark, false)
  }

  /** The peer dialled us as process `run`. */
  seen(run: string): void {
    if (this.#end !== null) {
      if (this.#run !== run) this.#broken('the peer restarted')
    } else if (this.#pause !== null) {
      this.#attempts = 0
      this.#connect()
    }
  }

  refresh(): void {
    if (this.#end === null || this.#dial !== null) return
    this.#dial = this.#dialOut((kind) => {
      this.#dial = null
      if (kind === 'refused') this.#broken('connection refused')
    })
  }

  close(): void {
    this.#closed = true
    this.#stopTrying()
    this.#problem = 'closed'
    this.#end?.close('connection closed')
    this.#end = null
  }

  #stopTrying(): void {
    this.#pause?.cancel()
    this.#pause = null
    this.#dial?.cancel()
    this.#dial = null
  }

  #connect(): void {
    this.#stopTrying()
    this.#dial = this.#dialOut((kind) => this.#failed(kind))
  }

  #dialOut(failed: (kind: Failure) => void): Dial {
    const { network, process, to, hello, objection, events } = this.#options
    return network.dial(process, to, hello(), {
      failed,
      answered: (end, word) => {
        const answer = word as Answer
        const reason = answer.is === 'rejected' ? answer.reason : objection(answer.shown)
        if (answer.is === 'welcome' && reason === undefined) return this.#connected(end, answer.shown)
        end.reset('rejected')
        events.rejected(reason ?? 'rejected')
        failed('rejected')
      },
    })
  }

  #connected(end: End, shown: ProcessIdentity): void {
    this.#dial = null
    const before = this.#end
    const runBefore = this.#run
    end.take({
      frame: () => undefined,
      closed: (reason) => {
        if (this.#end === end) this.#broken(reason)
      },
    })
    this.#end = end
    this.#run = shown.run
    this.#sinceMs = this.#options.clock.lower()
    this.#attempts = 0
    this.#refusalIsEvidence = true
    if (before !== null) {
      before.reset('replaced')
      if (runBefore === shown.run) return
      this.#options.events.down('the peer restarted')
    }
    this.#options.events.up(shown)
  }

  #broken(reason: string): void {
    const end = this.#end
    if (end === null) return
    this.#stopTrying()
    this.#end = null
    this.#problem = reason
    end.reset(reason)
    if (this.#options.clock.lower() - this.#sinceMs >= STEADY_MS) this.#connect()
    else this.#pauseThenConnect(FIRST_PAUSE_MS)
    this.#options.events.down(reason)
  }

  #failed(kind: Failure): void {
    this.#dial = null
    if (this.#closed) return
    this.#problem = kind
    this.#attempts += 1
    const dying = kind === 'broken' && this.#refusalIsEvidence && this.#attempts <= DYING_ATTEMPTS
    if (dying) this.#connect()
    else if (kind === 'rejected') this.#pauseThenConnect(LONGEST_PAUSE_MS)
    else
      this.#pauseThenConnect(
        Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#attempts - 1, 16)),
      )
    if (kind === 'refused' && this.#refusalIsEvidence) {
      this.#refusalIsEvidence = false
      this.#options.events.refused()
    }
  }

  #pauseThenConnect(pauseMs: number): void {
    const drawnMs = this.#options.chance.between(pauseMs / 2, pauseMs)
    this.#pause = this.#options.clock.setTimer(drawnMs, () => this.#connect())
  }
}

type Failure = 'refused' | 'broken' | 'unreachable' | 'rejected'
