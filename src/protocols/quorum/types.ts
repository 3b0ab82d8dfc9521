/** Peers and the majorities they form. */

export type PeerId = string

/** The voters in force. `outgoing` is present during a joint change (Dissertation §4.3): both must agree. */
export interface Configuration {
  readonly voters: readonly PeerId[]
  readonly outgoing?: readonly PeerId[]
}

/** A vote has three outcomes, not two. */
export type VoteResult = 'pending' | 'won' | 'lost'
