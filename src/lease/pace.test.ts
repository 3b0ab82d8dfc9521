import { describe, expect, it } from 'vitest'
import { intervalsOf, paceFigures, paceProblems } from './pace.ts'

const clientGo = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 }

describe('paceProblems', () => {
  it("accepts client-go's numbers", () => {
    expect(paceProblems(clientGo)).toEqual([])
  })

  it.each([
    [{ leaseMs: 10_000 }, /^renewDeadlineMs is 10000 with leaseMs 10000: lower it below 10000/],
    [{ retryMs: 9000 }, /^renewDeadlineMs is 10000 with retryMs 9000: raise it to 10801 or more/],
    [{ retryMs: 0 }, /^retryMs is 0: use a number of ms above 0/],
    [{ leaseMs: Number.NaN }, /^leaseMs is NaN/],
  ])('%o is refused with the value and the fix', (change, message) => {
    const [problem, ...others] = paceProblems({ ...clientGo, ...change })
    expect(problem).toMatch(message)
    expect(others).toEqual([])
  })
})

describe('paceFigures', () => {
  it('says what 15/10/2 s tolerate and cost', () => {
    // By hand: validity 10000 x 0.999 - 1 = 9989; a renewal every 3333.3, an attempt of 3333.3.
    const figures = paceFigures(clientGo, { maxClockDrift: 0.001, tickMs: 1 })
    expect(figures.toleratedRefusalMs).toBeCloseTo(7989)
    expect(figures.toleratedSilenceMs).toBeCloseTo(4655.67, 1)
    expect(figures.toleratedStallMs).toBeCloseTo(6655.67, 1)
    expect(figures.marginMs).toBeCloseTo(4995)
    expect(figures.worstTakeoverMs).toBeCloseTo(15_016)
    expect(figures.renewalsPerMinute).toBeCloseTo(18)
  })

  it('leaves room for another attempt after one that hangs', () => {
    const { renewDeadlineMs, renewMs, attemptMs } = intervalsOf(clientGo)
    expect(renewMs + attemptMs).toBeLessThan(renewDeadlineMs)
    expect(attemptMs).toBeLessThanOrEqual(renewDeadlineMs / 3)
  })
})
