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
        const a = await scene.join('a', scene.longLeaseMs)
        const first = a.enter()
        const token = await first.wins()
        const second = (await scene.join('b')).enter()
        await scene.until('b waits', () => second.log.ahead.length > 0)
        const third = (await scene.join('c')).enter()
        await scene.until('c waits', () => third.log.ahead.length > 0)
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
        const a = await scene.join('a')
        const first = a.enter()
        await first.wins()
        const other = (await scene.join('b')).enter()
        await scene.until('b waits', () => other.log.ahead.length > 0)
        assert.equal(await first.transfer('b'), 'done')
        const next = a.enter()
        await scene.until('a waits again', () => next.log.ahead.length > 0)
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
        const first = (await scene.join('a')).enter()
        await first.wins()
        const second = (await scene.join('b')).enter()
        await scene.until('b waits', () => second.log.ahead.length > 0)
        assert.equal(await first.transfer('nobody'), 'refused')
        await scene.stays('a leads', 2 * scene.leaseMs, () => first.log.believes())
      },
    },
    {
      claim: 'a candidate that does not lead has nothing to transfer',
      mode: 'each',
      run: async (scene) => {
        const first = (await scene.join('a')).enter()
        await first.wins()
        const second = (await scene.join('b')).enter()
        await scene.until('b waits', () => second.log.ahead.length > 0)
        assert.equal(await second.transfer('b'), 'refused')
        await scene.stays('a leads', 2 * scene.leaseMs, () => first.log.believes())
        assert.equal(second.log.grant, undefined)
      },
    },
    {
      claim: 'a backend without transfer refuses it, and the leader stays',
      unless: (facts) => (facts.transfer === 'none' ? undefined : `its transfer is '${facts.transfer}'`),
      run: async (scene) => {
        const first = (await scene.join('a')).enter()
        await first.wins()
        const second = (await scene.join('b')).enter()
        await scene.until('b waits', () => second.log.ahead.length > 0)
        assert.equal(await first.transfer('b'), 'refused')
        await scene.stays('a leads', 2 * scene.leaseMs, () => first.log.believes())
      },
    },
  ],
}
