import type { LeaderRecord, ObserveEvents } from '../../backends/backend.ts'

export type Observation =
  | { readonly type: 'led'; readonly leader: LeaderRecord }
  | { readonly type: 'vacant' }
  | { readonly type: 'unknown'; readonly cause: unknown }

/** Writes down what an observer was told, and every breach of `ObserveEvents`. */
export class ObservationLog implements ObserveEvents {
  readonly label: string
  readonly breaches: string[] = []
  readonly seen: Observation[] = []
  #returned = false
  #closed = false
  #newest = 0n

  constructor(label: string) {
    this.label = label
  }

  returned(): void {
    this.#returned = true
  }

  closed(): void {
    this.#closed = true
  }

  get last(): Observation | undefined {
    return this.seen.at(-1)
  }

  /** The token of the leader last told of; undefined while vacant, unknown or not told yet. */
  get token(): bigint | undefined {
    return this.last?.type === 'led' ? this.last.leader.token : undefined
  }

  led(leader: LeaderRecord): void {
    this.#check('led')
    if (leader.token < this.#newest) {
      this.breaches.push(`${this.label}: token ${leader.token} observed after ${this.#newest}`)
    }
    if (leader.token === this.#newest && this.last?.type === 'vacant') {
      this.breaches.push(`${this.label}: token ${leader.token} observed again after its vacancy`)
    }
    if (leader.token > this.#newest) this.#newest = leader.token
    this.seen.push({ type: 'led', leader })
  }

  vacant(): void {
    this.#check('vacant')
    this.seen.push({ type: 'vacant' })
  }

  unknown(cause: unknown): void {
    this.#check('unknown')
    this.seen.push({ type: 'unknown', cause })
  }

  #check(event: string): void {
    if (!this.#returned) this.breaches.push(`${this.label}: ${event} from inside observe()`)
    if (this.#closed) this.breaches.push(`${this.label}: ${event} after close()`)
  }
}
