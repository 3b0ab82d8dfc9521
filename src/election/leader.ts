import type { LeaderRecord, Metadata } from '../backends/backend.ts'

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
