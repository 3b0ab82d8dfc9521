/** Waits until a majority of the acceptors knows that a session is closed. */
import { majoritySize } from '../../protocols/quorum/majority.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import { deferred } from '../settled.ts'

export class Closing {
  readonly #needed: number
  readonly #closed = new Set<PeerId>()
  readonly #done = deferred<void>()

  constructor(acceptors: readonly PeerId[]) {
    this.#needed = majoritySize(acceptors.length)
  }

  get done(): Promise<void> {
    return this.#done.promise
  }

  closedBy(acceptor: PeerId): void {
    this.#closed.add(acceptor)
    if (this.#closed.size >= this.#needed) this.#done.resolve()
  }

  giveUp(): void {
    this.#done.resolve()
  }
}
