/**
 * What this peer sends to the others. What can wait travels with what cannot: a message of its own wakes a process at
 * either end, and an idle cluster consists of little else.
 */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { Lane } from '../seams/transport.ts'
import type { PeerMessage } from './messages.ts'

export class Courier {
  readonly #send: (to: PeerId, message: PeerMessage, lane: Lane) => void
  /** By peer and key, oldest first. */
  readonly #waiting = new Map<PeerId, Map<string, PeerMessage>>()

  constructor(send: (to: PeerId, message: PeerMessage, lane: Lane) => void) {
    this.#send = send
  }

  send(to: PeerId, message: PeerMessage, lane: Lane): void {
    if (lane === 'urgent') this.#deliver(to)
    this.#send(to, message, lane)
  }

  /** With the next urgent message to `to`, at the latest by `flush`. Replaces one that waits under the same key. */
  sendWithNext(to: PeerId, message: PeerMessage, key: string): void {
    const waiting = this.#waiting.get(to)
    if (waiting === undefined) this.#waiting.set(to, new Map([[key, message]]))
    else waiting.set(key, message)
  }

  /** Nobody waits longer than from one call to the next. */
  flush(): void {
    for (const to of [...this.#waiting.keys()]) this.#deliver(to)
  }

  #deliver(to: PeerId): void {
    const waiting = this.#waiting.get(to)
    if (waiting === undefined) return
    this.#waiting.delete(to)
    for (const message of waiting.values()) this.#send(to, message, 'urgent')
  }
}
