/**
 * Death evidence about peers (DESIGN §4.2): the connection closed and an immediate reconnect was refused, or another
 * incarnation of the peer answered. A hint that may start an election or free token-mode grants; it never voids a lease.
 */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { SessionHost } from '../registry/types.ts'

interface Contact {
  connected: boolean
  refused: boolean
  /** Highest incarnation that answered. */
  incarnation: number
}

export class Evidence {
  readonly #peers = new Map<PeerId, Contact>()

  up(peer: PeerId, incarnation: number): void {
    const contact = this.#of(peer)
    contact.connected = true
    contact.refused = false
    contact.incarnation = Math.max(contact.incarnation, incarnation)
  }

  down(peer: PeerId): void {
    this.#of(peer).connected = false
  }

  refused(peer: PeerId): void {
    const contact = this.#of(peer)
    contact.connected = false
    contact.refused = true
  }

  connected(peer: PeerId): boolean {
    return this.#peers.get(peer)?.connected ?? false
  }

  /** Is there evidence that the process that hosts a session is gone? */
  against(host: SessionHost | null): boolean {
    if (host === null) return false
    const contact = this.#peers.get(host.peer)
    if (contact === undefined) return false
    return contact.refused || contact.incarnation > host.incarnation
  }

  #of(peer: PeerId): Contact {
    let contact = this.#peers.get(peer)
    if (contact === undefined) {
      contact = { connected: false, refused: false, incarnation: 0 }
      this.#peers.set(peer, contact)
    }
    return contact
  }
}
