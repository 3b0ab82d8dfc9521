/** What a peer knows of the processes of the others: which it is connected to, their starts, when it heard of them last. */
import type { PeerId } from '../../protocols/quorum/types.ts'

interface Contact {
  isUp: boolean
  /** The newest start that was let in; 0: none. */
  incarnation: number
  heardAt: number | null
}

export class Contacts {
  readonly #all = new Map<PeerId, Contact>()

  /** Another process answers at that id: every start up to the one returned is gone; null: nothing is known of any. */
  up(peer: PeerId, incarnation: number): number | null {
    const contact = this.#of(peer)
    const gone = incarnation > contact.incarnation && contact.incarnation > 0 ? incarnation - 1 : null
    contact.isUp = true
    contact.incarnation = Math.max(contact.incarnation, incarnation)
    return gone
  }

  /** Returns the start that was there. */
  down(peer: PeerId): number {
    const contact = this.#of(peer)
    contact.isUp = false
    return contact.incarnation
  }

  heard(peer: PeerId, now: number): void {
    this.#of(peer).heardAt = now
  }

  isUp(peer: PeerId): boolean {
    return this.#all.get(peer)?.isUp === true
  }

  /** Null: nothing was ever heard. */
  silentMs(peer: PeerId, now: number): number | null {
    const heardAt = this.#all.get(peer)?.heardAt ?? null
    return heardAt === null ? null : now - heardAt
  }

  #of(peer: PeerId): Contact {
    let contact = this.#all.get(peer)
    if (contact === undefined) {
      contact = { isUp: false, incarnation: 0, heardAt: null }
      this.#all.set(peer, contact)
    }
    return contact
  }
}
