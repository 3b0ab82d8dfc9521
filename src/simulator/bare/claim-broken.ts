import { Violated } from '../invariants/invariant.ts'

/** A claim of the bare cores does not hold. */
export class ClaimBroken<Claim extends string = string> extends Violated {
  readonly claim: Claim

  constructor(claim: Claim, message: string) {
    super(message)
    this.claim = claim
  }
}
