/** What must hold whatever the network does. A failure here is a defect, or a disk that forgot what it had promised. */
import { MandateError } from '../../errors.ts'

/** Stops the peer: going on after a broken invariant would spread the damage. */
export function invariant(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new MandateError('INTERNAL', `Raft invariant broken: ${reason}`, { reason })
}

/** Beyond 2^53 two terms, or two indexes, could compare equal: refuse rather than elect two leaders of "one" term. */
export function assertSafeInteger(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) return
  throw new MandateError(
    'LIMIT_EXCEEDED',
    `${what} ${value} is not a safe integer (0 to ${Number.MAX_SAFE_INTEGER}); a cluster that got there honestly ` +
      'must be started anew with a tokenBase above its last token',
    { limit: what, value, max: Number.MAX_SAFE_INTEGER },
  )
}
