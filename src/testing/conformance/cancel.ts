import assert from 'node:assert/strict'

import type { Theme } from './definition.ts'

export const cancel: Theme = {
  theme: 'cancel',
  cases: [
    {
      claim: 'a candidacy that was cancelled while it waited never wins',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const seen = b.observe()
        const first = a.enter()
        await first.wins()
        const second = b.enter()
        await second.waits()
        await second.leave()
        await first.leave()
        await scene.until('nobody leads', () => seen.last?.type === 'vacant')
        await scene.stays('nobody leads', 3 * scene.leaseMs, () => seen.last?.type === 'vacant')
        assert.equal(second.log.grant, undefined)
      },
    },
    {
      // The Jepsen client for etcd revokes its lease when an acquire times out: the request can still win later.
      claim: 'a campaign cancelled in the turn in which it began never wins later, and blocks nobody',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a', scene.longLeaseMs)
        const ghost = a.enter()
        await ghost.leave()
        const { standing: second } = await scene.leader('b')
        await scene.stays('b leads', 3 * scene.leaseMs, () => second.leads)
        assert.equal(ghost.log.grant, undefined)
      },
    },
    {
      claim: 'a cancellation that crosses its own win leaves no leader behind',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a', scene.longLeaseMs)
        const b = await scene.join('b', scene.longLeaseMs)
        const first = a.enter()
        await first.wins()
        const second = b.enter()
        await second.waits()
        await Promise.all([first.leave(), second.leave()])
        const { standing: third } = await scene.leader('c')
        await scene.stays('c leads', 3 * scene.leaseMs, () => third.leads)
      },
    },
    {
      claim: 'a campaign whose answer was lost and that is then cancelled never wins later',
      mode: 'each',
      needs: ['loseNextReply'],
      run: async (scene) => {
        const a = await scene.join('a')
        await scene.loseNextReply(a.backend)
        const ghost = a.enter()
        const leaving = ghost.leave(scene.expiryMs)
        const answer = await leaving
        const second = (await scene.join('b')).enter()
        // Only an answer of 'unknown' may leave the rest to the expiry.
        await second.wins(answer === 'unknown' ? scene.expiryMs : scene.patienceMs)
        await scene.stays('b leads', 3 * scene.leaseMs, () => second.leads)
        assert.equal(ghost.log.grant, undefined)
      },
    },
    {
      claim:
        'a cancellation while nothing reaches the arbiter settles, and never turns into a win after the heal',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        await a.cut()
        const ghost = a.enter()
        await ghost.leave(scene.expiryMs)
        await a.heal()
        const second = b.enter()
        await second.wins(scene.expiryMs)
        await scene.stays('b leads', 3 * scene.leaseMs, () => second.leads)
        assert.equal(ghost.log.grant, undefined)
      },
    },
    {
      claim: 'a session may stand again after it cancelled',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        for (let turn = 0; turn < 5; turn += 1) await a.enter().leave()
        await a.enter().wins()
      },
    },
  ],
}
