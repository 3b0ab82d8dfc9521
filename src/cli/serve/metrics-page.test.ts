import { expect, test } from 'vitest'
import type { Leadership } from '../../index.ts'
import { ElectionMetrics } from '../../observability/election-metrics.ts'
import { Counter } from '../../observability/prometheus-text.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { ServedCandidate } from './candidate.ts'
import { ElectionView } from './election-view.ts'
import { MetricsPage } from './metrics-page.ts'

function page() {
  const election = 'billing'
  const clock = manualClock()
  const changed = (): void => undefined
  const candidate = new ServedCandidate({ id: 'a', validForMs: 1000, maxClockDrift: 0.001, clock, changed })
  const metrics = new MetricsPage({
    view: new ElectionView({ election, exclusivity: 'time', metadata: {}, candidate }),
    candidate,
    election: new ElectionMetrics({ election, candidateId: 'a', leaseMs: 1000, nowMs: () => clock.lower() }),
    failures: new Counter(),
    loopLagMs: () => 0,
    connections: () => 0,
    streams: () => 0,
  })
  const lines = (): readonly string[] => metrics.text().split('\n')
  return { candidate, lines }
}

function held(remainingMs: () => number): Leadership {
  const lost = new Promise<never>(() => undefined)
  const leadership = { token: 7n, tokenScope: 's', isValid: () => remainingMs() > 0, remainingMs, lost }
  return leadership as unknown as Leadership
}

const status = (value: number): string => `leader_election_master_status{name="billing"} ${value}`

test('the status is 0 at the start, 1 while it leads, and 0 after its deadline, whoever noticed', () => {
  const { candidate, lines } = page()
  expect(lines()).toContain(status(0))
  let remainingMs = 500
  void candidate.work(held(() => remainingMs))
  expect(lines()).toContain(status(1))
  expect(lines()).toContain('mandate_token{election="billing"} 7')
  expect(lines()).toContain('mandate_lease_remaining_seconds{election="billing"} 0.5')
  remainingMs = 0
  expect(lines()).toContain(status(0))
  expect(lines().some((line) => line.startsWith('mandate_token{'))).toBe(false)
})

test('the status is 0 from the moment at which it is asked to stop', () => {
  const { candidate, lines } = page()
  void candidate.work(held(() => 500))
  candidate.stopAnswering()
  expect(lines()).toContain(status(0))
  expect(lines()).toContain('mandate_lease_remaining_seconds{election="billing"} 0')
})
