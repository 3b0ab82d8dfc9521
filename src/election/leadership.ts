import type { Exclusivity } from '../backends/backend.ts'
import { HeldLeadershipBase } from './leadership-base.ts'
import type { LeadershipBase, LeadershipOwner } from './leadership-base.ts'
import type { LiveDeadline } from './session-deadline.ts'

export interface LeadershipJson {
  readonly election: string
  readonly candidateId: string
  /** Decimal. */
  readonly token: string
  readonly tokenScope: string
  readonly exclusivity: Exclusivity
  readonly valid: boolean
  readonly remainingMs: number
}

/**
 * What the winner holds. Does not stop a process that checks, pauses and then acts: only a resource that checks the
 * token does.
 */
export interface Leadership extends LeadershipBase {
  /** Greater than that of every earlier leadership of this election within `tokenScope`. */
  readonly token: bigint
  /** Tokens compare only within one scope, such as a cluster id. */
  readonly tokenScope: string
  readonly exclusivity: Exclusivity
  toJSON(): LeadershipJson
}

/** What a leadership with a token needs of the candidacy it came from. */
export interface TokenOwner extends LeadershipOwner {
  readonly exclusivity: Exclusivity
  readonly tokenScope: string
}

export class HeldLeadership extends HeldLeadershipBase implements Leadership {
  readonly token: bigint
  readonly tokenScope: string
  readonly exclusivity: Exclusivity

  constructor(owner: TokenOwner, token: bigint, deadline: LiveDeadline) {
    super(owner, deadline)
    this.token = token
    this.tokenScope = owner.tokenScope
    this.exclusivity = owner.exclusivity
  }

  protected get tokenText(): string {
    return this.token.toString()
  }

  protected get title(): string {
    return `token ${this.token}`
  }

  toJSON(): LeadershipJson {
    return {
      election: this.electionName,
      candidateId: this.candidateId,
      token: this.tokenText,
      tokenScope: this.tokenScope,
      exclusivity: this.exclusivity,
      valid: this.isValid(),
      remainingMs: this.remainingMs(),
    }
  }
}
