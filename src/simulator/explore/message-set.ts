/**
 * The network as the set of all that was ever sent. A message in it may arrive at any time, again and again, in any
 * order, or never: loss, reordering and unbounded duplication need no steps of their own, and what is in the set is the
 * history of what was said. The sets themselves are numbered.
 */
import { Interner, PairMemo } from './interner.ts'

interface Messages {
  /** Sorted. */
  readonly ids: readonly number[]
  /** The same, by receiver. */
  readonly to: readonly (readonly number[])[]
}

export class MessageSets {
  readonly #sets = new Interner<Messages>(({ ids }) => String.fromCharCode(...ids))
  readonly #added = new PairMemo<number>()
  readonly #receiverOf: (message: number) => number
  readonly #receivers: number
  largest = 0

  /** Messages are numbers below 2^16; receivers are 0 to `receivers` - 1. */
  constructor(receivers: number, receiverOf: (message: number) => number) {
    this.#receivers = receivers
    this.#receiverOf = receiverOf
    this.#sets.number(this.#made([]))
  }

  /** The number of the empty set. */
  readonly empty = 0

  /** The number of the set with this message in it. */
  with(set: number, message: number): number {
    return this.#added.get(set, message, () => {
      const { ids } = this.#sets.value(set)
      if (ids.includes(message)) return set
      if (message >= 0x1_0000) throw new RangeError('more than 65,536 different messages: narrow the bounds')
      this.largest = Math.max(this.largest, ids.length + 1)
      return this.#sets.number(this.#made([...ids, message].toSorted((left, right) => left - right)))
    })
  }

  /** The number of the set without those that fail. */
  only(set: number, keeps: (message: number) => boolean): number {
    const { ids } = this.#sets.value(set)
    const kept = ids.filter(keeps)
    return kept.length === ids.length ? set : this.#sets.number(this.#made(kept))
  }

  /** The number of the set of what these messages become; `change` must keep different ones different. */
  map(set: number, change: (message: number) => number): number {
    const ids = this.#sets.value(set).ids.map(change)
    return this.#sets.number(this.#made(ids.toSorted((left, right) => left - right)))
  }

  to(set: number, receiver: number): readonly number[] {
    return this.#sets.value(set).to[receiver] ?? []
  }

  size(set: number): number {
    return this.#sets.value(set).ids.length
  }

  #made(ids: readonly number[]): Messages {
    const to: number[][] = Array.from({ length: this.#receivers }, () => [])
    for (const id of ids) to[this.#receiverOf(id)]?.push(id)
    return { ids, to }
  }
}
