import { afterEach, expect, test } from 'vitest'
import { publish } from './channels.ts'
import { ElectionMetrics } from './election-metrics.ts'
import { prometheusText } from './prometheus-text.ts'

let nowMs = 0
const metrics = new ElectionMetrics({
  election: 'billing',
  candidateId: 'a',
  leaseMs: 1000,
  nowMs: () => nowMs,
})
const about = { election: 'billing', candidateId: 'a' }
const page = (): readonly string[] => prometheusText(metrics.families()).split('\n')

afterEach(() => metrics.stop())

test('what an election publishes is counted, what another one publishes is not', () => {
  expect(page()).toContain('mandate_campaigns_total{election="billing"} 0')
  publish('mandate:campaign', () => about)
  publish('mandate:campaign', () => ({ ...about, election: 'backup' }))
  publish('mandate:campaign', () => ({ ...about, candidateId: 'b' }))
  publish('mandate:elected', () => ({ ...about, token: '7', tokenScope: 's' }))
  publish('mandate:slow-renewal', () => about)
  publish('mandate:renewed', () => ({ ...about, token: '7', remainingMs: 900 }))
  // 250 ms later 650 of the 1000 ms are left, when the next renewal comes.
  nowMs = 250
  publish('mandate:renewed', () => ({ ...about, token: '7', remainingMs: 900 }))
  publish('mandate:lost', () => ({ ...about, token: '7', reason: 'revoked' }))
  // Another leadership begins anew: nothing is known of what was left of it.
  publish('mandate:renewed', () => ({ ...about, token: '9', remainingMs: 900 }))
  const lines = page()
  for (const line of [
    'mandate_campaigns_total{election="billing"} 1',
    'mandate_elections_won_total{election="billing"} 1',
    'leader_election_slowpath_total{name="billing"} 1',
    'mandate_renewals_total{election="billing"} 3',
    'mandate_leaderships_ended_total{election="billing",reason="expired"} 0',
    'mandate_leaderships_ended_total{election="billing",reason="revoked"} 1',
    'mandate_renewal_margin_ratio_bucket{election="billing",le="0.6"} 0',
    'mandate_renewal_margin_ratio_bucket{election="billing",le="0.7"} 1',
    'mandate_renewal_margin_ratio_count{election="billing"} 1',
  ]) {
    expect(lines).toContain(line)
  }
})
