/** Shows the history to the checkers as it happens, and writes down what they find. */
import type { HistoryEvent } from './history.ts'
import { Violated, type CheckContext, type Checker, type Invariant } from './invariants/invariant.ts'

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

  /** Whether anybody looks at events of this type: who makes many of them need not otherwise. */
  wants(type: HistoryEvent['type']): boolean {
    return this.#record !== undefined || this.#toAll.length > 0 || this.#wanted.has(type)
  }

  /** `told` becomes the event. */
  tell(at: number, process: string, run: number, told: Told): void {
    // The contract wants one flat object; the fields that are added are the same for all, so it is made of one literal.
    const event = Object.assign({ at, sequence: ++this.#sequence, process, run }, told) as HistoryEvent
    this.#record?.(event)
    const seats = this.#wanted.get(event.type) ?? this.#toAll
    for (const seat of seats) this.#show(seat, at, () => seat.checker.observe(event))
  }

  /** A violation that no checker finds, but the world itself. */
  found(invariant: string, atMs: number, message: string): void {
    this.violations.push({ invariant, atMs, message })
  }

  finish(at: number): void {
    for (const seat of this.#seats) this.#show(seat, at, () => seat.checker.finish?.())
  }

  /** Invariant → how often it was put to the test. */
  get evaluations(): Record<string, number> {
    return Object.fromEntries(
      this.#seats.map(({ invariant, checker }) => [invariant.name, checker.evaluations]),
    )
  }

  #show({ invariant }: Seat, at: number, look: () => void): void {
    // The first violation may be the cause of all others.
    if (this.failed) return
    try {
      look()
    } catch (error) {
      const message = error instanceof Violated ? error.message : `the checker failed: ${String(error)}`
      this.found(invariant.name, at, message)
    }
  }
}
