/** Shows the history to the checkers as it happens, and writes down what they find. */
import type { AnyPeerMessage, HistoryEvent } from './history.ts'
import { nameOf, Violated, type CheckContext, type Checker, type Invariant } from './invariants/invariant.ts'

/** What a process or the world tells; place and time are added. */
export type Told = HistoryEvent extends infer Event
  ? Event extends HistoryEvent
    ? Omit<Event, 'at' | 'sequence' | 'process' | 'run'>
    : never
  : never

export interface Violation {
  readonly invariant: string
  readonly atMs: number
  readonly message: string
}

interface Seat {
  readonly invariant: Invariant
  readonly checker: Checker
}

export class Judge {
  readonly violations: Violation[] = []
  readonly #seats: readonly Seat[]
  /** By type, who wants to see it. */
  readonly #wanted = new Map<HistoryEvent['type'], Seat[]>()
  /** By `type` and name of the message, who of these wants to see it. */
  readonly #wantedMessages: { readonly [Type in 'sent' | 'received']: Map<string, readonly Seat[]> } = {
    sent: new Map(),
    received: new Map(),
  }
  readonly #toAll: readonly Seat[]
  /** Told of every event, in order. */
  readonly #record: ((event: HistoryEvent) => void) | undefined
  #sequence = 0

  constructor(
    invariants: readonly Invariant[],
    context: CheckContext,
    record: ((event: HistoryEvent) => void) | undefined,
  ) {
    this.#seats = invariants.map((invariant) => ({ invariant, checker: invariant.check(context) }))
    this.#toAll = this.#seats.filter(({ invariant }) => invariant.types === undefined)
    for (const seat of this.#seats) {
      for (const type of seat.invariant.types ?? []) {
        const seats = this.#wanted.get(type)
        if (seats === undefined) this.#wanted.set(type, [...this.#toAll, seat])
        else seats.push(seat)
      }
    }
    this.#record = record
  }

  get failed(): boolean {
    return this.violations.length > 0
  }

  /** As `tell`, for most of all events: made in one piece, and only if anybody wants to see it. */
  sent(at: number, process: string, run: number, to: string, message: AnyPeerMessage): void {
    const seats = this.#seatsFor('sent', message)
    if (seats.length === 0 && this.#record === undefined) return
    this.#showTo(seats, { at, sequence: this.next(), process, run, type: 'sent', to, message })
  }

  received(at: number, process: string, run: number, from: string, message: AnyPeerMessage): void {
    const seats = this.#seatsFor('received', message)
    if (seats.length === 0 && this.#record === undefined) return
    this.#showTo(seats, { at, sequence: this.next(), process, run, type: 'received', from, message })
  }

  #seatsFor(type: 'sent' | 'received', message: AnyPeerMessage): readonly Seat[] {
    const name = nameOf(message)
    const known = this.#wantedMessages[type].get(name)
    if (known !== undefined) return known
    const seats = (this.#wanted.get(type) ?? this.#toAll).filter(
      ({ invariant }) => invariant.messages === undefined || invariant.messages.includes(name),
    )
    this.#wantedMessages[type].set(name, seats)
    return seats
  }

  tell(at: number, process: string, run: number, told: Told): void {
    this.show(Object.assign({ at, sequence: this.next(), process, run }, told))
  }

  /** The number of the next event. */
  next(): number {
    return ++this.#sequence
  }

  show(event: HistoryEvent): void {
    const seats =
      event.type === 'sent' || event.type === 'received'
        ? this.#seatsFor(event.type, event.message)
        : (this.#wanted.get(event.type) ?? this.#toAll)
    this.#showTo(seats, event)
  }

  #showTo(seats: readonly Seat[], event: HistoryEvent): void {
    this.#record?.(event)
    // The first violation may be the cause of all others.
    if (seats.length === 0 || this.failed) return
    let index = 0
    try {
      for (; index < seats.length; index++) (seats[index] as Seat).checker.observe(event)
    } catch (error) {
      this.#threw(seats[index] as Seat, event.at, error)
    }
  }

  /** A violation that no checker finds, but the world itself. */
  found(invariant: string, atMs: number, message: string): void {
    this.violations.push({ invariant, atMs, message })
  }

  finish(at: number): void {
    for (const seat of this.#seats) {
      if (this.failed) return
      try {
        seat.checker.finish?.()
      } catch (error) {
        this.#threw(seat, at, error)
      }
    }
  }

  /** Invariant → how often it was put to the test. */
  get evaluations(): Record<string, number> {
    return Object.fromEntries(
      this.#seats.map(({ invariant, checker }) => [invariant.name, checker.evaluations]),
    )
  }

  #threw({ invariant }: Seat, at: number, error: unknown): void {
    const message = error instanceof Violated ? error.message : `the checker failed: ${described(error)}`
    this.found(invariant.name, at, message)
  }
}

function described(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
