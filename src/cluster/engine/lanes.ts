/** By which lane each message of a turn goes. */
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { Lane } from '../../seams/transport.ts'

/**
 * Messages of one turn to one peer that go by the urgent lane. A turn about thousands of elections has many more, and the lane
 * takes so much waiting for the sign that nobody reads: it would close the connection, and lose them all.
 */
const urgentAtOnce = 4

export class Lanes {
  readonly #messages = new Map<PeerId, number>()

  /** Of the next message to it. Within one turn nothing overtakes. */
  next(to: PeerId): Lane {
    const messages = (this.#messages.get(to) ?? 0) + 1
    this.#messages.set(to, messages)
    return messages > urgentAtOnce ? 'bulk' : 'urgent'
  }

  /** The turn is over. */
  settle(): void {
    this.#messages.clear()
  }
}
