import { rankOf } from '../backends/backend.ts'
import type { AdvisoryRank, Guarantee, LeaderRecord, Metadata } from '../backends/backend.ts'

export interface LeaderJson {
  readonly id: string
  /** Decimal. */
  readonly token: string
  readonly tokenScope: string
  readonly metadata: Metadata
}

/** Who leads, as seen from outside; may be stale by the time it is read. */
export class Leader {
  readonly id: string
  readonly token: bigint
  /** Tokens compare only within one scope. */
  readonly tokenScope: string
  readonly metadata: Metadata

  constructor(record: LeaderRecord, tokenScope: string) {
    this.id = record.id
    this.token = record.token
    this.tokenScope = tokenScope
    this.metadata = record.metadata
  }

  toJSON(): LeaderJson {
    const { id, token, tokenScope, metadata } = this
    return { id, token: token.toString(), tokenScope, metadata }
  }
}

/** Who leads in the part of the network that was asked; another part may have another leader. */
export class AdvisoryLeader {
  readonly id: string
  readonly rank: AdvisoryRank
  readonly metadata: Metadata

  constructor(record: LeaderRecord) {
    this.id = record.id
    this.rank = rankOf(record.token)
    this.metadata = record.metadata
  }
}

/** What observers see, by the guarantee of their backend. */
export type LeaderOf<Its extends Guarantee> = Its extends 'advisory' ? AdvisoryLeader : Leader
