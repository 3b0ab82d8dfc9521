/** What a backend says about itself, and what is asked of it within that. Part of the contract in `backend.ts`. */

export type Exclusivity = 'time' | 'token'

/** Small key-value data of a candidate, such as an address or a version. */
export type Metadata = Readonly<Record<string, string>>

/**
 * `linearizable`: at most one leads at a time, by deadline or by token. `advisory`: nobody excludes a second leader, so a
 * leadership has a rank and no token, and no guard takes it.
 */
export type Guarantee = 'linearizable' | 'advisory'

export interface BackendFacts<Its extends Guarantee = 'linearizable'> {
  readonly guarantee: Its
  /** None where the guarantee is advisory. */
  readonly exclusivity: readonly Exclusivity[]
  /** Where tokens come from, in a few words: `raft log index`, `etcd create revision`. */
  readonly tokenSource: string
  /**
   * `fair`: by priority, then first come. `queue`: first come, whatever the priority. `rank`: by rank alone. `race`:
   * whoever writes first.
   */
  readonly order: 'fair' | 'queue' | 'rank' | 'race'
  readonly transfer: 'directed' | 'hint' | 'none'
  readonly proclaim: boolean
  /** Ways in which a grant can end before its expiry, other than by its holder. */
  readonly earlyLoss: readonly ('operator' | 'health-check' | 'gossip')[]
  /** An operator's request reaches whoever leads (`BackendDriver.ask`). @default false */
  readonly operatorRequests?: boolean
  readonly limits: {
    readonly minLeaseMs: number
    readonly nameBytes: number
    readonly metadataBytes: number
    readonly nestedNames: boolean
  }
}

export interface CandidacyRequest {
  readonly election: string
  /** Means nothing where the guarantee is advisory. */
  readonly exclusivity: Exclusivity
  /** Higher leads first among those who wait. */
  readonly priority: number
  readonly metadata: Metadata
}

/** What `election/` needs to compute a deadline. */
export interface LeaseTiming {
  /** The lease of a session that asks for none, in ms. */
  readonly leaseMs: number
  /** rho: bounds every clock's rate against true time. @default 0.001 */
  readonly maxClockDrift: number
  /** Quantisation of a reading, in ms. @default 1 */
  readonly tickMs: number
}
