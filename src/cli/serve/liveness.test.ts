import { expect, test } from 'vitest'
import { Liveness } from './liveness.ts'
import { LoopLag } from './loop-lag.ts'

const options = { leaseMs: 15_000, toleranceMs: 20_000 }
const never = Number.NEGATIVE_INFINITY
const facts = { nowMs: 0, leads: false, isNamed: false, failedAtMs: never, sustainedLagMs: 0 }

// The table of client-go's HealthzAdaptor.
test('who waits is healthy, whatever becomes of the lease of another', () => {
  const liveness = new Liveness(options)
  expect(liveness.problem(facts)).toBeUndefined()
  expect(liveness.problem({ ...facts, nowMs: 1e9 })).toBeUndefined()
})

test('a leader is healthy, and so is one whose lease was over no longer ago than is tolerated', () => {
  const liveness = new Liveness(options)
  const named = { ...facts, isNamed: true }
  expect(liveness.problem({ ...named, nowMs: 1000, leads: true })).toBeUndefined()
  expect(liveness.problem({ ...named, nowMs: 16_000 })).toBeUndefined()
  expect(liveness.problem({ ...named, nowMs: 36_000 })).toBeUndefined()
  expect(liveness.problem({ ...named, nowMs: 36_001 })).toContain('whose lease was over 20001 ms ago')
  // Somebody else took over, or the arbiter cannot be heard: a restart would help nobody.
  expect(liveness.problem({ ...facts, nowMs: 40_000 })).toBeUndefined()
})

test('what an earlier process of this id left behind has the rest of its lease first', () => {
  const liveness = new Liveness(options)
  const named = { ...facts, isNamed: true }
  expect(liveness.problem(named)).toBeUndefined()
  expect(liveness.problem({ ...named, nowMs: 35_000 })).toBeUndefined()
  expect(liveness.problem({ ...named, nowMs: 35_001 })).toBeDefined()
})

test('while the backend fails it is healthy, though the arbiter, as it was last heard, names it', () => {
  const liveness = new Liveness(options)
  const named = { ...facts, isNamed: true }
  expect(liveness.problem(named)).toBeUndefined()
  expect(liveness.problem({ ...named, nowMs: 300_000, failedAtMs: 265_000 })).toBeUndefined()
  expect(liveness.problem({ ...named, nowMs: 300_001, failedAtMs: 265_000 })).toContain('285001 ms ago')
})

test('a process that gets no time for several beats in a row fails, one late beat does not', () => {
  let nowMs = 0
  let beat = (): void => undefined
  const every = (run: () => void): { stop(): void } => {
    beat = run
    return { stop: () => undefined }
  }
  const lag = new LoopLag({ everyMs: 1000, nowMs: () => nowMs, every })
  const after = (ms: number): void => {
    nowMs += ms
    beat()
  }
  const liveness = new Liveness(options)
  const problem = (): string | undefined => liveness.problem({ ...facts, sustainedLagMs: lag.sustainedMs })
  after(1000)
  after(20_000)
  after(1000)
  expect(lag.worstMs).toBe(19_000)
  expect(problem()).toBeUndefined()
  for (let late = 0; late < 3; late++) after(9000)
  expect(problem()).toBe('the event loop is 8000 ms late, more than half of the lease')
  after(1000)
  expect(problem()).toBeUndefined()
})
