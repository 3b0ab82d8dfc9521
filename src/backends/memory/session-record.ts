import type { LossReason } from '../backend.ts'
import type { Contender, Contest, Holder } from './contest.ts'
import type { Link } from './link.ts'
import type { Answer, ExchangeReply, MemoryNotice, OpenMessage } from './messages.ts'
import type { MandateError } from '../../errors.ts'
import type { Clock, Timer } from '../../seams/clock.ts'

/** A notice before it has its number. */
type Unnumbered<T> = T extends unknown ? Omit<T, 'number'> : never

/** A session that was not heard for this part of its lease is not handed a leadership. */
const SILENT_AFTER = 0.5

/** One session as the arbiter knows it. */
export class SessionRecord implements Contender {
  readonly key: string
  readonly id: string
  readonly leaseMs: number
  readonly openedAtMs: number
  readonly link: Link
  /** The notice that ends the session while its holder lives; 0: none. */
  condemnedBy = 0
  readonly #clock: Clock
  readonly #push: (reply: ExchangeReply) => void
  readonly #contests = new Map<number, Contest>()
  /** What each waiting candidacy was told last. */
  readonly #ahead = new Map<number, number>()
  #notices: MemoryNotice[] = []
  #lastNotice = 0
  #seen = 0
  #applied = 0
  #heardAtMs: number
  #silence: Timer | undefined
  #pushing = false
  #ended = false

  constructor(message: OpenMessage, link: Link, clock: Clock, push: (reply: ExchangeReply) => void) {
    this.key = message.session
    this.id = message.id
    this.leaseMs = message.leaseMs
    this.link = link
    this.#clock = clock
    this.#push = push
    this.openedAtMs = clock.lower()
    this.#heardAtMs = this.openedAtMs
  }

  get condemned(): boolean {
    return this.condemnedBy > 0
  }

  /** Whether it can be handed a leadership, and whether its id is taken. */
  connected(): boolean {
    if (this.link.killed || this.condemned) return false
    return this.#clock.lower() - this.#heardAtMs < this.leaseMs * SILENT_AFTER
  }

  hear(seen: number): void {
    this.#heardAtMs = this.#clock.lower()
    this.#seen = Math.max(this.#seen, seen)
    this.#notices = this.#notices.filter((notice) => notice.number > this.#seen)
  }

  startAnew(): void {
    this.#heardAtMs = this.#clock.lower()
  }

  /** Calls `silent` once when nothing was heard for `silenceMs`. */
  watchSilence(silenceMs: number, silent: () => void): void {
    // Reckoned as below, and in whole ms: a rest that rounding makes, or none, would be waited for in no time, for ever.
    const leftMs = silenceMs - (this.#clock.lower() - this.#heardAtMs)
    this.#silence = this.#clock.setTimer(Math.max(0, Math.ceil(leftMs)), () => {
      // After a stall timers fire before queued packets are read: hear first, then accuse (DESIGN §2 "Clocks").
      this.#silence = this.#clock.afterPoll(() => {
        if (this.#clock.lower() - this.#heardAtMs >= silenceMs) silent()
        else this.watchSilence(silenceMs, silent)
      })
    })
  }

  /** Whether this request is new; each is applied once, in order. */
  apply(number: number): boolean {
    if (number !== this.#applied + 1) return false
    this.#applied = number
    return true
  }

  stands(candidacy: number, contest: Contest): void {
    this.#contests.set(candidacy, contest)
  }

  standsNoMore(candidacy: number): void {
    this.#contests.delete(candidacy)
    this.#ahead.delete(candidacy)
  }

  contestOf(candidacy: number): Contest | undefined {
    return this.#contests.get(candidacy)
  }

  contests(): readonly Contest[] {
    return [...this.#contests.values()]
  }

  held(): readonly Holder[] {
    return this.contests().flatMap(({ holder }) => (holder?.session === this ? [holder] : []))
  }

  wasTold(notice: number): boolean {
    return this.#seen >= notice
  }

  condemn(): void {
    this.condemnedBy = this.#tell({ type: 'condemned' })
  }

  answer(request: number, is: Answer): void {
    this.#tell({ type: 'answer', request, is })
  }

  refuse(candidacy: number, cause: MandateError): void {
    this.#tell({ type: 'refused', candidacy, cause })
  }

  tellFreed(candidacy: number, reason: LossReason): number {
    return this.#tell({ type: 'freed', candidacy, reason })
  }

  tellAsked(candidacy: number, to: string | null): number {
    return this.#tell({ type: 'asked', candidacy, to })
  }

  tellGranted(candidacy: number, token: bigint): void {
    this.#forgetWaiting(candidacy)
    this.#tell({ type: 'granted', candidacy, token })
  }

  tellWaiting(candidacy: number, ahead: number): void {
    if (this.#ahead.get(candidacy) === ahead) return
    this.#forgetWaiting(candidacy)
    this.#ahead.set(candidacy, ahead)
    this.#tell({ type: 'waiting', candidacy, ahead })
  }

  reply(sequence: number | null): ExchangeReply {
    return { sequence, applied: this.#applied, notices: [...this.#notices] }
  }

  end(): void {
    this.#ended = true
    this.#silence?.cancel()
  }

  /** Only the newest number of who stands before counts. */
  #forgetWaiting(candidacy: number): void {
    if (!this.#ahead.delete(candidacy)) return
    this.#notices = this.#notices.filter(
      (notice) => notice.type !== 'waiting' || notice.candidacy !== candidacy,
    )
  }

  /** Keeps the notice until it was seen, and pushes what there is at the end of this turn. */
  #tell(notice: Unnumbered<MemoryNotice>): number {
    this.#lastNotice++
    this.#notices.push({ ...notice, number: this.#lastNotice })
    if (!this.#pushing) {
      this.#pushing = true
      queueMicrotask(() => {
        this.#pushing = false
        if (this.#ended || this.#notices.length === 0) return
        const reply = this.reply(null)
        this.link.toClient(() => this.#push(reply))
      })
    }
    return this.#lastNotice
  }
}
