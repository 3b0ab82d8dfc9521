/** What a session says in one tick, in as few messages as it fits. */
import { carriedAtOnce, type AskMessage } from '../../cluster/engine/engine.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { PaxosRequest } from '../../protocols/paxos/types.ts'

/** Of metadata as JSON, in one message: with all the rest it fits the frame of a client. */
const metadataBytesAtOnce = 256 * 1024

interface Letter {
  /** Null: to every acceptor. */
  readonly to: PeerId | null
  readonly requests: PaxosRequest[]
  metadataBytes: number
}

export class Mail {
  readonly #session: string
  readonly #post: (message: AskMessage<PaxosRequest>) => void
  #waiting: Letter[] = []

  constructor(session: string, post: (message: AskMessage<PaxosRequest>) => void) {
    this.#session = session
    this.#post = post
  }

  /** Leaves in a microtask: nothing happens inside the call that caused it. To one acceptor in the order of the calls. */
  put(to: PeerId | null, request: PaxosRequest): void {
    if (this.#waiting.length === 0) queueMicrotask(() => this.flush())
    const bytes = metadataBytesOf(request)
    const letter = this.#open(to, bytes)
    letter.requests.push(request)
    letter.metadataBytes += bytes
  }

  flush(): void {
    const full = this.#waiting
    this.#waiting = []
    for (const { to, requests } of full) this.#post({ type: 'ask', session: this.#session, to, requests })
  }

  /** The last letter to it that has room, unless something that it hears, too, was written after that. */
  #open(to: PeerId | null, bytes: number): Letter {
    for (let at = this.#waiting.length - 1; at >= 0; at--) {
      const letter = this.#waiting[at] as Letter
      if (letter.to === to && hasRoom(letter, bytes)) return letter
      // Letters to other single acceptors are no matter of this one's.
      if (letter.to === null || to === null || letter.to === to) break
    }
    const letter: Letter = { to, requests: [], metadataBytes: 0 }
    this.#waiting.push(letter)
    return letter
  }
}

function hasRoom({ requests, metadataBytes }: Letter, bytes: number): boolean {
  return requests.length < carriedAtOnce && metadataBytes + bytes <= metadataBytesAtOnce
}

function metadataBytesOf(request: PaxosRequest): number {
  return request.type === 'propose' ? Buffer.byteLength(JSON.stringify(request.owner.metadata)) : 0
}
