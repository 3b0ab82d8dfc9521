/**
 * What a peer shows of the starts of its folder, so that the others see that the folder goes on from the one that they
 * remember. A handshake has room for the newest, which nearly always hold that one. Whoever remembers an older one asks
 * for it with its own hello: so a start is never too long ago to be shown, and nobody is let in without showing it.
 */
import type { ProcessIdentity, Start } from '../seams/storage.ts'

/** With the one that was asked for they fit the list in the handshake. */
const NEWEST = 32

export class ShownStarts {
  readonly #identity: ProcessIdentity
  /** By peer, what it asked for last. */
  readonly #asked = new Map<string, Start>()

  constructor({ storageId, incarnation, run, earlier }: ProcessIdentity) {
    this.#identity = { storageId, incarnation, run, earlier }
  }

  /** `seen`: the start at which `peer` says that it saw this one. To be told of every hello, also of a refused one. */
  asked(peer: string, seen: number | null): void {
    const start = this.#identity.earlier.find(({ incarnation }) => incarnation === seen)
    if (start === undefined) this.#asked.delete(peer)
    else this.#asked.set(peer, start)
  }

  /** Null: to a client, which compares nothing. */
  shownTo(peer: string | null): ProcessIdentity {
    if (peer === null) return { ...this.#identity, earlier: [] }
    const newest = this.#identity.earlier.slice(-NEWEST)
    const asked = this.#asked.get(peer)
    const earlier = asked === undefined || newest.includes(asked) ? newest : [asked, ...newest]
    return { ...this.#identity, earlier }
  }
}
