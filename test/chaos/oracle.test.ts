import { describe, expect, it } from 'vitest'
import type { CandidateProcess, Line } from './candidate-process.ts'
import { judge, tenures } from './oracle.ts'

/** A candidate that told these lines. */
function told(pid: number, ...lines: readonly Line[]): CandidateProcess {
  const is = (kind: string): readonly Line[] => lines.filter((line) => line.is === kind)
  return { pid, id: `c${pid}`, told: is } as unknown as CandidateProcess
}
const led = (token: string, at: number, until: number): Line => ({ is: 'led', scope: 's', token, at, until })
const valid = (token: string, at: number, until: number): Line => ({ is: 'valid', token, at, until })
const lost = (token: string, at: number, reason = 'expired'): Line => ({ is: 'lost', token, at, reason })

describe('the oracle over candidates', () => {
  it('finds nothing wrong with leaderships that follow each other', () => {
    const all = [told(1, led('1', 0, 100), valid('1', 50, 150), lost('1', 150)), told(2, led('2', 150, 250))]
    expect(judge(all)).toEqual({ overlapMs: 0, operatorOverlapMs: 0, leaderships: 2, tokenRegressions: 0 })
  })

  it('counts a deadline that was told by a process that died before it', () => {
    expect(judge([told(1, led('1', 0, 100)), told(2, led('2', 60, 200))]).overlapMs).toBe(40)
  })

  it('sees a leader that was told late that it lost', () => {
    const late = told(1, led('1', 0, 100), valid('1', 300, 400), lost('1', 350))
    expect(tenures([late])[0]?.until).toBe(350)
    expect(judge([late, told(2, led('2', 320, 500))]).overlapMs).toBe(30)
  })

  it('keeps what an operator did apart', () => {
    const deleted = told(1, led('1', 0, 100), lost('1', 52, 'revoked'))
    const verdict = judge([deleted, told(2, led('2', 50, 150))])
    expect([verdict.overlapMs, verdict.operatorOverlapMs]).toEqual([0, 2])
  })

  it('sees a foreign program that leads beside ours', () => {
    expect(
      judge([told(1, led('1', 0, 100))], [{ pid: 9, id: 'etcdctl', from: 90, until: 200 }]).overlapMs,
    ).toBe(10)
  })

  it('sees a token that does not grow', () => {
    expect(judge([told(1, led('7', 0, 10)), told(2, led('7', 20, 30))]).tokenRegressions).toBe(1)
  })
})
