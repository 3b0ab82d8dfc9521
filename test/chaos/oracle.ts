/**
 * What candidates believed, from what they told, and for how long two of them were right to think that they lead. A
 * belief lasts to the deadline that was told last, also when its process was killed or stopped before: whoever takes over
 * must have waited for that, because a stopped process may go on.
 */
import { overlapMs, type Belief } from '../../src/cli/demo/overlap.ts'
import type { CandidateProcess } from './candidate-process.ts'

export interface Tenure extends Belief {
  readonly id: string
  /** Absent for a foreign program, which tells none. */
  readonly token?: bigint
  readonly reason?: string
}

/** Every leadership of a candidate of ours, from the moment it was told to the moment `isValid()` was surely false. */
export function tenures(candidates: readonly CandidateProcess[]): Tenure[] {
  return candidates.flatMap((candidate) =>
    candidate.told('led').map((led): Tenure => {
      const lost = candidate.told('lost').find(({ token }) => token === led.token)
      const untils = candidate.told('valid').filter(({ token }) => token === led.token)
      const until = Math.max(led.until, ...untils.map((line) => line.until))
      return {
        pid: candidate.pid,
        id: candidate.id,
        token: BigInt(led.token),
        from: led.at,
        until: lost === undefined ? until : Math.min(lost.at, until),
        ...(lost === undefined ? {} : { reason: lost.reason }),
      }
    }),
  )
}

export interface Verdict {
  /** ms during which two believed, whatever the cause but an operator's. Must be 0. */
  readonly overlapMs: number
  /** The same, where the earlier leadership was ended at the store by an operator: bounded by the watch, not 0. */
  readonly operatorOverlapMs: number
  readonly leaderships: number
  /** Breaches of: tokens grow from one leadership to the next, in the order in which they began. */
  readonly tokenRegressions: number
}

/** `foreign`: leaderships of other programs in the same election, as they were seen from outside. */
export function judge(candidates: readonly CandidateProcess[], foreign: readonly Tenure[] = []): Verdict {
  const all = [...tenures(candidates), ...foreign].toSorted((a, b) => a.from - b.from)
  const byOperator = all.filter(({ reason }) => reason === 'revoked')
  const others = all.filter(({ reason }) => reason !== 'revoked')
  const tokens = all.flatMap(({ token }) => (token === undefined ? [] : [token]))
  const overlap = overlapMs(others)
  return {
    overlapMs: overlap,
    operatorOverlapMs: byOperator.length === 0 ? 0 : overlapMs(all) - overlap,
    leaderships: all.length,
    tokenRegressions: tokens.filter((token, index) => index > 0 && token <= tokens[index - 1]!).length,
  }
}
