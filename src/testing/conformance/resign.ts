import assert from 'node:assert/strict'

import type { Theme } from './definition.ts'

export const resign: Theme = {
  theme: 'resign',
  cases: [
    {
      claim: 'leaving while leading answers left; leaving again settles',
      mode: 'each',
      run: async (scene) => {
        const { standing } = await scene.leader('a')
        assert.equal(await standing.leave(), 'left')
        await scene.settles('leaving again', standing.candidacy.leave({}))
      },
    },
    {
      claim: 'a leader that resigned does not lead again by itself',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const standing = a.enter()
        const token = await standing.wins()
        const seen = b.observe()
        await scene.until('b sees a lead', () => seen.token === token)
        await standing.leave()
        await scene.until('b sees nobody lead', () => seen.last?.type === 'vacant')
        await scene.stays('nobody leads', 3 * scene.leaseMs, () => seen.token === undefined)
      },
    },
    {
      // node-redlock#309: the wait went on after the abort. DESIGN §7 S9: a resign racing a loss never hangs.
      claim: 'a resignation that races the expiry of its lease settles, and the next leads',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        for (const [index, share] of [0.5, 0.9, 1, 1.1, 1.5].entries()) {
          const election = `race-${index}`
          const a = await scene.join(`a${index}`)
          const b = await scene.join(`b${index}`)
          const first = a.enter({ election })
          const token = await first.wins()
          const second = b.enter({ election })
          await a.cut()
          await scene.advance(share * scene.leaseMs)
          const leaving = first.leave(scene.expiryMs)
          await a.heal()
          await leaving
          await second.winsAbove(token, scene.expiryMs)
          await Promise.all([a.close(), b.close()])
        }
      },
    },
    {
      claim: 'leave settles while nothing reaches the arbiter, and expiry frees the election',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const { member: a, standing: first } = await scene.leader('a')
        const second = (await scene.join('b')).enter()
        await a.cut()
        await first.leave(scene.expiryMs)
        await second.wins(scene.expiryMs)
      },
    },
    {
      claim: 'leaving with an aborted signal settles, and frees the election in the end',
      mode: 'each',
      run: async (scene) => {
        const { standing: first } = await scene.leader('a')
        const second = (await scene.join('b')).enter()
        first.log.gaveUp = true
        await scene.settles('leave()', first.candidacy.leave({ signal: AbortSignal.abort() }), scene.expiryMs)
        await second.wins(scene.expiryMs)
      },
    },
    {
      claim: 'a leader that was superseded learns on leaving that it held nothing',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const { member: a, standing: first } = await scene.leader('a')
        const second = (await scene.join('b')).enter()
        await a.cut()
        const token = await second.wins(scene.expiryMs)
        await a.heal()
        await first.ends(scene.expiryMs)
        assert.equal(
          await scene.outcome('leave() after the end', first.candidacy.leave({})),
          'was-not-holder',
        )
        await scene.stays('b leads', 2 * scene.leaseMs, () => second.leads && second.token === token)
      },
    },
    {
      claim: 'a resignation whose answer was lost still frees the election',
      mode: 'each',
      needs: ['loseNextReply'],
      run: async (scene) => {
        const { member: a, standing: first, token } = await scene.leader('a')
        const second = await scene.waiter('b')
        await scene.loseNextReply(a.backend)
        await first.leave(scene.expiryMs)
        await second.winsAbove(token, scene.expiryMs)
        await scene.stays('b leads', 2 * scene.leaseMs, () => second.leads)
      },
    },
  ],
}
