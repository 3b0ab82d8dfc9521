import assert from 'node:assert/strict'

import type { Theme } from './definition.ts'

export const shutdown: Theme = {
  theme: 'shutdown',
  cases: [
    {
      claim: 'a backend that was made but not used keeps nothing open',
      needs: ['openHandles'],
      run: async (scene) => {
        await scene.process('a')
        assert.deepEqual(scene.openHandles(), [])
      },
    },
    {
      claim: 'closing while leading, waiting and observing leaves no timer and no socket',
      mode: 'each',
      needs: ['openHandles'],
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        await a.enter().wins()
        const waiting = b.enter()
        await waiting.waits()
        a.observe()
        b.observe('another-election')
        await scene.outcome('b closes', b.backend.close())
        await scene.outcome('a closes', a.backend.close())
        assert.deepEqual(scene.openHandles(), [])
      },
    },
    {
      claim: 'closing while nothing reaches the arbiter settles, and leaves no timer and no socket',
      mode: 'each',
      needs: ['openHandles', 'cut'],
      run: async (scene) => {
        const { member: a, standing } = await scene.leader('a')
        a.observe()
        await a.cut()
        standing.log.closing = true
        await scene.outcome('a closes', a.backend.close(), scene.expiryMs)
        assert.deepEqual(scene.openHandles(), [])
      },
    },
    {
      claim: 'closing a backend that leads frees the election without waiting for any lease',
      mode: 'each',
      run: async (scene) => {
        const { member: a, standing: first, token } = await scene.leader('a', scene.longLeaseMs)
        const second = await scene.waiter('b')
        first.log.closing = true
        await scene.outcome('a closes', a.backend.close())
        await second.winsAbove(token)
      },
    },
    {
      claim: 'a candidacy whose session was closed while it waited never wins',
      mode: 'each',
      run: async (scene) => {
        const { standing: first } = await scene.leader('a')
        const b = await scene.join('b')
        const second = b.enter()
        await second.waits()
        await b.close()
        await first.leave()
        await scene.leader('c')
        assert.equal(second.log.grant, undefined)
      },
    },
    {
      claim: 'a campaign in the turn of the close settles, and blocks nobody',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a', scene.longLeaseMs)
        const ghost = a.enter()
        ghost.log.closing = true
        await a.close()
        const { standing: second } = await scene.leader('b')
        await scene.stays('b leads', 2 * scene.leaseMs, () => second.leads)
      },
    },
    {
      claim: 'closing twice settles twice, and opening afterwards is refused with CLOSED',
      run: async (scene) => {
        const a = await scene.join('a')
        const [first, second] = [a.backend.close(), a.backend.close()]
        await scene.outcome('the first close', first)
        await scene.outcome('the second close', second)
        await scene.outcome('a third close', a.backend.close())
        const opening = a.backend.share({ candidateId: 'a', leaseMs: scene.leaseMs }, {})
        await scene.refusal('opening a session', opening, 'CLOSED')
      },
    },
    {
      claim: 'every wait that was open when the session closed settles',
      mode: 'each',
      run: async (scene) => {
        const { member: a, standing: first } = await scene.leader('a')
        const waits = [
          first.candidacy.transfer('b', {}),
          first.candidacy.proclaim({ version: '2' }, {}),
          first.candidacy.leave({}),
          a.enter({ election: 'another' }).candidacy.leave({}),
        ]
        first.log.gaveUp = true
        await a.close()
        await Promise.all(waits.map((wait, index) => scene.settles(`wait ${index}`, wait)))
      },
    },
    {
      claim: 'opening a session with an aborted signal is refused with CANCELLED, and takes no id',
      run: async (scene) => {
        const backend = await scene.process('a')
        const opening = backend.share(
          { candidateId: 'a', leaseMs: scene.leaseMs },
          { signal: AbortSignal.abort() },
        )
        await scene.refusal('opening a session', opening, 'CANCELLED')
        await (await scene.join('a')).enter().wins()
      },
    },
    {
      claim: 'opening a session that is given up half-way takes no id',
      run: async (scene) => {
        const backend = await scene.process('a')
        const controller = new AbortController()
        const opening = backend.share(
          { candidateId: 'a', leaseMs: scene.longLeaseMs },
          { signal: controller.signal },
        )
        controller.abort()
        await scene.refusal('opening a session', opening, 'CANCELLED')
        await (await scene.join('a')).enter().wins()
      },
    },
  ],
}
