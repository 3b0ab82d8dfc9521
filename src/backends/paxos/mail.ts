/** What a session says in one tick, in as few messages as it fits. */
import { carriedAtOnce, type AskMessage } from '../../cluster/engine/engine.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { PaxosRequest } from '../../protocols/paxos/types.ts'

export class Mail {
  readonly #session: string
  readonly #post: (message: AskMessage<PaxosRequest>) => void
  #waiting = new Map<PeerId | null, PaxosRequest[]>()

  constructor(session: string, post: (message: AskMessage<PaxosRequest>) => void) {
    this.#session = session
    this.#post = post
  }

  /** Leaves in a microtask: nothing happens inside the call that caused it. */
  put(to: PeerId | null, request: PaxosRequest): void {
    if (this.#waiting.size === 0) queueMicrotask(() => this.flush())
    const waiting = this.#waiting.get(to)
    if (waiting === undefined) this.#waiting.set(to, [request])
    else waiting.push(request)
  }

  flush(): void {
    const full = this.#waiting
    this.#waiting = new Map()
    for (const [to, requests] of full) {
      for (let first = 0; first < requests.length; first += carriedAtOnce) {
        const some = requests.slice(first, first + carriedAtOnce)
        this.#post({ type: 'ask', session: this.#session, to, requests: some })
      }
    }
  }
}
