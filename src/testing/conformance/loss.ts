import assert from 'node:assert/strict'

import type { Theme } from './definition.ts'

export const loss: Theme = {
  theme: 'loss',
  cases: [
    {
      // hashicorp/consul#9788, etcdctl lock 3.4: the old holder's work ran on beside the new one's.
      claim: 'a leader that is cut off stops being sure before another is told that it leads',
      mode: 'time',
      needs: ['cut'],
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const first = a.enter()
        const token = await first.wins()
        const second = b.enter()
        // Not right after a renewal: what is left of the lease must count, not the whole of it.
        await scene.advance(scene.leaseMs / 10)
        await a.cut()
        await second.winsAbove(token, scene.expiryMs)
        assert.equal(first.log.believes(), false)
      },
    },
    {
      claim: 'evidence of death does not shorten a lease in time mode',
      mode: 'time',
      needs: ['cut', 'evidence'],
      run: async (scene) => {
        const { member: a, standing: first } = await scene.leader('a')
        const second = await scene.waiter('b')
        await a.cut()
        await scene.evidence('a')
        await second.wins(scene.expiryMs)
        assert.equal(first.log.believes(), false)
      },
    },
    {
      claim: 'evidence of death frees an election in token mode while the old leader may still believe',
      mode: 'token',
      needs: ['cut', 'evidence'],
      run: async (scene) => {
        const a = await scene.join('a', scene.longLeaseMs)
        const b = await scene.join('b', scene.longLeaseMs)
        const first = a.enter()
        const token = await first.wins()
        const second = b.enter()
        await second.waits()
        await a.cut()
        await scene.evidence('a')
        await second.winsAbove(token)
        assert.ok(first.log.believes(), 'nobody could tell the old leader, so its lease runs on')
        await a.heal()
        await first.ends(scene.expiryMs)
      },
    },
    {
      claim: 'a leader that comes back after its loss is told the end once, and leads no more',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const { member: a, standing: first, token } = await scene.leader('a')
        const second = (await scene.join('b')).enter()
        await a.cut()
        await second.wins(scene.expiryMs)
        await a.heal()
        await first.ends(scene.expiryMs)
        const reason = first.log.end?.reason ?? 'none'
        assert.ok(
          ['expired', 'session-lost', 'superseded'].includes(reason),
          `the reason of a loss by silence is expired, session-lost or superseded, not ${reason}`,
        )
        await scene.stays('b leads', 3 * scene.leaseMs, () => second.leads)
        assert.equal(first.token, token)
      },
    },
    {
      claim: 'a cut much shorter than the lease costs nobody the leadership',
      mode: 'each',
      needs: ['cut'],
      unless: ({ earlyLoss }) =>
        earlyLoss.includes('health-check') ? 'a health check may end a grant before its expiry' : undefined,
      run: async (scene) => {
        const { member: a, standing: first, token } = await scene.leader('a')
        const second = (await scene.join('b')).enter()
        for (let turn = 0; turn < 4; turn += 1) {
          await scene.advance(scene.leaseMs)
          await a.cut()
          await scene.advance(scene.leaseMs / 5)
          await a.heal()
        }
        await scene.stays('a leads and is sure of it', 2 * scene.leaseMs, () => first.log.believes())
        assert.equal(first.token, token)
        assert.equal(second.log.grant, undefined)
      },
    },
    {
      // etcd#11456: a waiter whose lease had expired in the queue was told that it held the lock.
      claim: 'a waiter whose session expired while it waited is never told that it won with that session',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const first = a.enter()
        await first.wins()
        const second = b.enter()
        await second.waits()
        await b.cut()
        await scene.advance(scene.expiryMs)
        await first.leave()
        const third = (await scene.join('c')).enter()
        await third.wins(scene.expiryMs)
        await b.heal()
        await scene.stays('c leads alone', 3 * scene.leaseMs, () => third.leads && !second.leads)
      },
    },
    {
      claim: 'a candidacy on a session that ended unnoticed is told so, or wins: it never waits for ever',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const a = await scene.join('a')
        await a.cut()
        await scene.advance(scene.expiryMs)
        await a.heal()
        // Twice: the first may be what notices it.
        for (let turn = 0; turn < 2; turn += 1) {
          const { log } = a.enter()
          await scene.until(
            'a is told',
            () => log.grant !== undefined || log.end?.reason === 'session-lost',
            scene.expiryMs,
          )
          if (log.grant !== undefined) return
        }
      },
    },
    {
      claim: 'a renewal that was long on its way never takes a deadline back',
      mode: 'each',
      needs: ['delayReplies'],
      run: async (scene) => {
        const { member: a, standing } = await scene.leader('a')
        for (const share of [8, 3, 20, 4]) {
          await scene.delayReplies(a.backend, scene.leaseMs / share)
          const before = standing.log.renewals
          await scene.until('renewals come', () => standing.log.renewals > before + 1, 3 * scene.leaseMs)
        }
        assert.ok(standing.leads)
      },
    },
  ],
}
