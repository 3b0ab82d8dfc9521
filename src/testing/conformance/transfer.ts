import assert from 'node:assert/strict'

import type { Theme } from './definition.ts'

export const transfer: Theme = {
  theme: 'transfer',
  cases: [
    {
      claim: 'a directed transfer makes the named candidate the next leader, whoever came first',
      mode: 'each',
      unless: (facts) =>
        facts.transfer === 'directed' ? undefined : `its transfer is '${facts.transfer}', not 'directed'`,
      run: async (scene) => {
        const { standing: first, token } = await scene.leader('a', scene.longLeaseMs)
        const second = await scene.waiter('b')
        const third = await scene.waiter('c')
        const asked = first.transfer('c')
        assert.equal(await asked, 'done')
        assert.equal(first.log.end?.reason, 'transferred', 'the old leader was told before the answer')
        await third.winsAbove(token)
        await scene.stays('c leads', 2 * scene.leaseMs, () => third.leads)
        assert.equal(second.log.grant, undefined)
      },
    },
    {
      claim: 'leaving what was transferred does not touch the next candidacy of the same session',
      mode: 'each',
      unless: (facts) =>
        facts.transfer === 'directed' ? undefined : `its transfer is '${facts.transfer}', not 'directed'`,
      run: async (scene) => {
        const { member: a, standing: first } = await scene.leader('a')
        const other = await scene.waiter('b')
        assert.equal(await first.transfer('b'), 'done')
        const next = a.enter()
        await next.waits()
        assert.equal(
          await scene.outcome('leave() after the end', first.candidacy.leave({})),
          'was-not-holder',
        )
        const third = a.enter()
        await third.ends()
        assert.equal(third.log.end?.reason, 'refused', 'a still stands')
        await other.leave()
        await next.wins()
      },
    },
    {
      claim: 'a transfer to somebody who does not stand is refused, and the leader stays',
      mode: 'each',
      run: async (scene) => {
        const { standing: first } = await scene.leader('a')
        await scene.waiter('b')
        assert.equal(await first.transfer('nobody'), 'refused')
        await scene.stays('a leads', 2 * scene.leaseMs, () => first.log.believes())
      },
    },
    {
      claim: 'a candidate that does not lead has nothing to transfer',
      mode: 'each',
      run: async (scene) => {
        const { standing: first } = await scene.leader('a')
        const second = await scene.waiter('b')
        assert.equal(await second.transfer('b'), 'refused')
        await scene.stays('a leads', 2 * scene.leaseMs, () => first.log.believes())
        assert.equal(second.log.grant, undefined)
      },
    },
    {
      claim: 'a backend without transfer refuses it, and the leader stays',
      unless: (facts) => (facts.transfer === 'none' ? undefined : `its transfer is '${facts.transfer}'`),
      run: async (scene) => {
        const { standing: first } = await scene.leader('a')
        await scene.waiter('b')
        assert.equal(await first.transfer('b'), 'refused')
        await scene.stays('a leads', 2 * scene.leaseMs, () => first.log.believes())
      },
    },
  ],
}
