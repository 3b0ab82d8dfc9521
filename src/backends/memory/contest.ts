import type { Exclusivity, LossReason, Metadata } from '../backend.ts'
import type { ObservedState } from './messages.ts'

/** A session, as far as contests and grants know it. */
export interface Contender {
  readonly id: string
  /** Whether it can be handed a leadership. */
  connected(): boolean
  tellWaiting(candidacy: number, ahead: number): void
  tellGranted(candidacy: number, token: bigint): void
  /** Gives the number of the notice. */
  tellFreed(candidacy: number, reason: LossReason): number
  /** Gives the number of the notice. */
  tellAsked(candidacy: number, to: string | null): number
  wasTold(notice: number): boolean
  standsNoMore(candidacy: number): void
}

export interface Waiter {
  readonly session: Contender
  readonly candidacy: number
  readonly priority: number
  readonly metadata: Metadata
}

export interface Holder {
  readonly contest: Contest
  readonly session: Contender
  readonly candidacy: number
  readonly token: bigint
  metadata: Metadata
  /** The notice that told it of its end; until it has arrived nobody follows. */
  freedBy: number | undefined
  /** What an operator asked of it last. */
  asked: { readonly to: string | null; readonly notice: number } | undefined
}

/** One election at the arbiter: who leads and who waits, by priority, then first come. */
export class Contest {
  readonly name: string
  readonly exclusivity: Exclusivity
  holder: Holder | undefined
  readonly #queue: Waiter[] = []
  #reserved: Waiter | undefined

  constructor(name: string, exclusivity: Exclusivity) {
    this.name = name
    this.exclusivity = exclusivity
  }

  get empty(): boolean {
    return this.holder === undefined && this.#queue.length === 0
  }

  enqueue(waiter: Waiter): void {
    const behind = this.#queue.findIndex((other) => other.priority < waiter.priority)
    this.#queue.splice(behind === -1 ? this.#queue.length : behind, 0, waiter)
  }

  dequeue(session: Contender, candidacy: number): void {
    this.#remove((waiter) => waiter.session === session && waiter.candidacy === candidacy)
  }

  /** Takes every candidacy of a session that ended out of the queue. */
  leave(session: Contender): void {
    this.#remove((waiter) => waiter.session === session)
  }

  waiting(id: string): Waiter | undefined {
    return this.#queue.find((waiter) => waiter.session.id === id)
  }

  /** The next leader is `successor`, if it still waits and can be reached. */
  reserveFor(successor: Waiter): void {
    this.#reserved = successor
  }

  /** Who is next; whoever is silent is passed over. */
  next(): Waiter | undefined {
    const reserved = this.#reserved
    this.#reserved = undefined
    if (reserved?.session.connected() === true && this.#queue.includes(reserved)) return reserved
    return this.#queue.find((waiter) => waiter.session.connected())
  }

  grant(waiter: Waiter, token: bigint): void {
    const { session, candidacy, metadata } = waiter
    this.#queue.splice(this.#queue.indexOf(waiter), 1)
    this.holder = { contest: this, session, candidacy, token, metadata, freedBy: undefined, asked: undefined }
  }

  tellWaiters(): void {
    const leading = this.holder === undefined ? 0 : 1
    for (const [index, { session, candidacy }] of this.#queue.entries()) {
      session.tellWaiting(candidacy, leading + index)
    }
  }

  observed(): ObservedState {
    const { holder } = this
    if (holder === undefined || holder.freedBy !== undefined) return { is: 'vacant' }
    return { is: 'led', leader: { id: holder.session.id, token: holder.token, metadata: holder.metadata } }
  }

  #remove(leaves: (waiter: Waiter) => boolean): void {
    const stay = this.#queue.filter((waiter) => !leaves(waiter))
    if (stay.length === this.#queue.length) return
    this.#queue.splice(0, this.#queue.length, ...stay)
    this.tellWaiters()
  }
}
