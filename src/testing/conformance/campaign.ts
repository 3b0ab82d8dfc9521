import assert from 'node:assert/strict'

import type { Guarantee } from '../../backends/backend.ts'
import type { Theme } from './definition.ts'

export const campaign: Theme = {
  theme: 'campaign',
  cases: [
    {
      claim: 'the facts found at run time are the documented ones',
      run: async (scene) => {
        const backend = await scene.process('a')
        assert.deepEqual(backend.facts, scene.facts)
        const guarantee: Guarantee = scene.facts.guarantee
        if (guarantee === 'linearizable')
          assert.ok(scene.facts.exclusivity.length > 0, 'a backend supports at least one exclusivity')
        assert.notEqual(scene.facts.tokenSource, '', 'where tokens come from is said in words')
        assert.ok(scene.facts.limits.minLeaseMs > 0)
        assert.ok(scene.facts.limits.nameBytes > 0)
      },
    },
    {
      claim: 'a candidate that stands alone wins, with a token above zero and a scope for it',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        const standing = a.enter()
        await standing.winsAbove(0n)
        assert.equal(typeof a.session.scope, 'string')
        assert.notEqual(a.session.scope, '')
      },
    },
    {
      claim: 'every session of one arbiter has the same token scope',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const share = await scene.outcome('an observer', b.backend.shareObserver({}))
        assert.equal(b.session.scope, a.session.scope)
        assert.equal(share.observer.scope, a.session.scope)
        await scene.outcome('the observer leaves', share.leave())
      },
    },
    {
      claim: 'a leader that keeps in touch keeps its leadership far beyond one lease',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const standing = a.enter()
        const token = await standing.wins()
        const waiting = b.enter()
        await scene.stays('a leads and is sure of it', 5 * scene.leaseMs, () => standing.log.believes())
        assert.ok(standing.log.renewals >= 4, `renewed ${standing.log.renewals} times in five leases`)
        assert.equal(standing.token, token)
        assert.equal(waiting.log.grant, undefined)
      },
    },
    {
      // node-redlock#299, #283: the extension was counted from the answer.
      claim: 'the lease of a grant counts from before the request was sent, not from the answer',
      mode: 'each',
      needs: ['delayReplies'],
      run: async (scene) => {
        const a = await scene.join('a')
        await scene.delayReplies(a.backend, scene.leaseMs / 5)
        // The clock that delays and the clock that measures may differ by their drift.
        const delayMs = (scene.leaseMs / 5) * 0.98
        const standing = a.enter()
        const { clock } = a.backend.env
        let ageMs = -1
        await scene.until('a wins', () => {
          const sentAt = standing.log.grant?.renewal.sentAt
          if (sentAt !== undefined && ageMs < 0) ageMs = clock.elapsedMs(sentAt)
          return ageMs >= 0
        })
        assert.ok(
          ageMs >= delayMs,
          `the grant was ${ageMs} ms old when told, its reply alone took ${delayMs} ms`,
        )
        let seen = standing.log.renewals
        await scene.until('a renewal comes', () => standing.log.renewals > seen, 3 * scene.leaseMs)
        ageMs = clock.elapsedMs(standing.log.renewal?.sentAt ?? clock.upper())
        assert.ok(
          ageMs >= delayMs,
          `a renewal was ${ageMs} ms old when told, its reply alone took ${delayMs} ms`,
        )
        seen = standing.log.renewals
        await scene.until('more renewals come', () => standing.log.renewals > seen + 2, 6 * scene.leaseMs)
      },
    },
    {
      claim: 'the metadata of a candidate is what others see of the leader',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const seen = b.observe()
        const token = await a.enter({ metadata: { address: '10.0.0.1:80', version: '7' } }).wins()
        await scene.until('b sees a lead', () => seen.token === token)
        assert.ok(seen.last?.type === 'led')
        assert.equal(seen.last.leader.id, 'a')
        assert.deepEqual({ ...seen.last.leader.metadata }, { address: '10.0.0.1:80', version: '7' })
      },
    },
  ],
}
