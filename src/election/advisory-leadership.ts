import type { AdvisoryRank, Guarantee } from '../backends/backend.ts'
import { HeldLeadershipBase } from './leadership-base.ts'
import type { LeadershipBase, LeadershipOwner } from './leadership-base.ts'
import type { Leadership } from './leadership.ts'
import type { LiveDeadline } from './session-deadline.ts'

export interface AdvisoryLeadershipJson {
  readonly election: string
  readonly candidateId: string
  readonly rank: AdvisoryRank
  readonly valid: boolean
  readonly remainingMs: number
}

/**
 * What the winner of an advisory election holds. While the network is split, each part has one: nothing excludes the other, so
 * it has no token, and no guard takes it. For work that may be done twice.
 */
export interface AdvisoryLeadership extends LeadershipBase {
  /**
   * Orders leaderships: of two that met, the one that went on has the higher one. Its epoch rises when partitions heal. It
   * guards nothing: a leader in another part may have any rank.
   */
  readonly rank: AdvisoryRank
  toJSON(): AdvisoryLeadershipJson
}

/** What a campaign gives, by the guarantee of its backend. */
export type LeadershipOf<Its extends Guarantee> = Its extends 'advisory' ? AdvisoryLeadership : Leadership

export class HeldAdvisoryLeadership extends HeldLeadershipBase implements AdvisoryLeadership {
  #rank: AdvisoryRank

  constructor(owner: LeadershipOwner, rank: AdvisoryRank, deadline: LiveDeadline) {
    super(owner, deadline)
    this.#rank = rank
  }

  get rank(): AdvisoryRank {
    return this.#rank
  }

  rose(rank: AdvisoryRank): void {
    this.#rank = rank
  }

  protected get tokenText(): string {
    return ''
  }

  protected get title(): string {
    return `rank ${this.#rank.epoch}.${this.#rank.slot}`
  }

  toJSON(): AdvisoryLeadershipJson {
    return {
      election: this.electionName,
      candidateId: this.candidateId,
      rank: this.#rank,
      valid: this.isValid(),
      remainingMs: this.remainingMs(),
    }
  }
}
