/**
 * How long a step of the protocol takes here: a round trip to another peer plus a write to the disk. Raft spaces the
 * ranks of its successors by it, so that the first one has won before the second one tries (DESIGN §4.2).
 */
import type { SessionKey } from '../protocols/support/types.ts'

/** Weight of a new sample: the estimate follows a change within some ten samples. */
const weight = 0.2

export class Pace {
  #roundTripMs = 0
  #writeMs = 0
  /** The newest keepalive of each local session: its acknowledgements are the samples. */
  readonly #sent = new Map<SessionKey, { readonly sequence: number; readonly at: number }>()

  sent(session: SessionKey, sequence: number, now: number): void {
    this.#sent.set(session, { sequence, at: now })
  }

  acknowledged(session: SessionKey, sequence: number, now: number): void {
    const sent = this.#sent.get(session)
    if (sent?.sequence === sequence) this.#roundTripMs += weight * (now - sent.at - this.#roundTripMs)
  }

  forget(session: SessionKey): void {
    this.#sent.delete(session)
  }

  wrote(ms: number): void {
    this.#writeMs += weight * (ms - this.#writeMs)
  }

  get estimateMs(): number {
    return this.#roundTripMs + this.#writeMs
  }
}
