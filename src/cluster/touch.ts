/**
 * Whether this peer and the Raft leader are in touch: it follows one, and that one hears it. A peer that is not can be heard
 * by a majority of the voters all the same, and neither learns what is committed nor can give anything back.
 */
import type { PeerId } from '../protocols/quorum/types.ts'

export class Touch {
  #leaderlessSince: number | null
  #unheardSince: number | null = null

  /** Times by `clock.lower()`. */
  constructor(now: number) {
    this.#leaderlessSince = now
  }

  follows(leader: PeerId | null, now: number): void {
    if (leader !== null) this.#leaderlessSince = null
    else this.#leaderlessSince ??= now
  }

  /** What the leader says, between two messages of it as before. */
  isHeard(heard: boolean, now: number): void {
    if (heard) this.#unheardSince = null
    else this.#unheardSince ??= now
  }

  /** For how long they have been out of touch; 0: they are not. */
  lostMs(now: number): number {
    const since = Math.min(this.#leaderlessSince ?? now, this.#unheardSince ?? now)
    return now - since
  }
}
