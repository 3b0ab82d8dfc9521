/** Follows elections and asks a peer for its status, over a sponsor link that may come and go. */
import type { HolderMessage, ObservedState, PeerStatus, SponsorMessage } from './messages.ts'

interface Following {
  readonly election: string
  readonly tell: (state: ObservedState) => void
  /** Highest token told: a sponsor that lags behind the one before must not take an observer back in time. */
  newest: bigint
}

export class Reader {
  readonly #send: (message: HolderMessage) => void
  readonly #lost: (reason: string) => void
  readonly #following = new Map<number, Following>()
  readonly #asking = new Map<
    number,
    { readonly election: string | null; readonly done: (status: PeerStatus) => void }
  >()
  #next = 1
  #isUp = false
  /** Why there is no sponsor; null while there is one, or while the first is being looked for. */
  #problem: string | null = null

  /** `lost`: this sponsor knows nothing any more; another one may. */
  constructor(send: (message: HolderMessage) => void, lost: (reason: string) => void) {
    this.#send = send
    this.#lost = lost
  }

  /** `tell` gets the present state first, then changes; never from inside this call. */
  observe(election: string, tell: (state: ObservedState) => void): { close(): void } {
    const id = this.#next++
    this.#following.set(id, { election, tell, newest: -1n })
    if (this.#isUp) this.#send({ type: 'observe', id, election })
    else if (this.#problem !== null) queueMicrotask(() => this.#tellUnknown(id))
    return {
      close: () => {
        if (this.#following.delete(id) && this.#isUp) this.#send({ type: 'unobserve', id })
      },
    }
  }

  /** `done` is called once, unless cancelled; the question is repeated after a change of sponsor. */
  status(election: string | null, done: (status: PeerStatus) => void): { cancel(): void } {
    const id = this.#next++
    this.#asking.set(id, { election, done })
    if (this.#isUp) this.#send({ type: 'status', id, election })
    return { cancel: () => this.#asking.delete(id) }
  }

  up(): void {
    this.#isUp = true
    this.#problem = null
    for (const [id, { election }] of this.#following) this.#send({ type: 'observe', id, election })
    for (const [id, { election }] of this.#asking) this.#send({ type: 'status', id, election })
  }

  /** The sponsor is lost, or none of the peers could be reached; told once until one is. */
  down(reason: string): void {
    this.#isUp = false
    if (this.#problem !== null) return
    this.#problem = reason
    for (const id of [...this.#following.keys()]) this.#tellUnknown(id)
  }

  #tellUnknown(id: number): void {
    if (this.#problem !== null) this.#following.get(id)?.tell({ is: 'unknown', reason: this.#problem })
  }

  received(message: Extract<SponsorMessage, { type: 'observed' | 'status' }>): void {
    if (message.type === 'status') {
      const asking = this.#asking.get(message.id)
      this.#asking.delete(message.id)
      asking?.done(message.status)
      return
    }
    const following = this.#following.get(message.id)
    if (following === undefined) return
    const { state } = message
    if (state.is === 'led') {
      if (state.token < following.newest) return
      following.newest = state.token
    }
    following.tell(state)
    if (state.is === 'unknown') this.#lost(state.reason)
  }
}
