import assert from 'node:assert/strict'

import type { Theme } from './definition.ts'
import type { Member, Standing } from './member.ts'
import type { Scene } from './scene.ts'

const COUNT = 200

function enterAll(member: Member): readonly Standing[] {
  return Array.from({ length: COUNT }, (_, index) => member.enter({ election: `shard-${index}` }))
}

async function allWin(scene: Scene, what: string, standings: readonly Standing[], withinMs: number) {
  await scene.until(what, () => standings.every((each) => each.log.grant !== undefined), withinMs)
}

export const manyElections: Theme = {
  theme: 'many elections',
  cases: [
    {
      claim: `one session leads ${COUNT} elections, each with a token`,
      mode: 'each',
      run: async (scene) => {
        const standings = enterAll(await scene.join('a'))
        await allWin(scene, 'a leads all', standings, scene.expiryMs)
        await scene.stays('a leads all', 2 * scene.leaseMs, () =>
          standings.every((each) => each.log.believes()),
        )
      },
    },
    {
      claim: `a session that falls silent loses all ${COUNT} elections, and another takes them over`,
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const a = await scene.join('a')
        const held = enterAll(a)
        await allWin(scene, 'a leads all', held, scene.expiryMs)
        const taken = enterAll(await scene.join('b'))
        await a.cut()
        await allWin(scene, 'b leads all', taken, 2 * scene.expiryMs)
        await a.heal()
        await scene.until('a knows', () => held.every((each) => each.log.end !== undefined), scene.expiryMs)
        await scene.stays('b leads all', 2 * scene.leaseMs, () => taken.every((each) => each.leads))
      },
    },
    {
      claim: 'one election that is resigned leaves the others of its session as they were',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const standings = enterAll(a)
        await allWin(scene, 'a leads all', standings, scene.expiryMs)
        const resigned = standings.slice(0, 3)
        for (const standing of resigned) assert.equal(await standing.leave(), 'left')
        for (const { log } of resigned) await b.enter({ election: log.request.election }).wins()
        const rest = standings.slice(3)
        await scene.stays('a leads the rest', 2 * scene.leaseMs, () =>
          rest.every((each) => each.log.believes()),
        )
      },
    },
    {
      claim: `closing a session frees its ${COUNT} elections without waiting for any lease`,
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a', scene.longLeaseMs)
        await allWin(scene, 'a leads all', enterAll(a), scene.expiryMs)
        const next = enterAll(await scene.join('b'))
        await a.close()
        await allWin(scene, 'b leads all', next, scene.expiryMs)
      },
    },
    {
      claim: 'two shares of one session: the first to leave does not end it, the last does',
      mode: 'each',
      run: async (scene) => {
        const backend = await scene.process('a')
        const first = await scene.member('a', backend, scene.longLeaseMs)
        const second = await scene.member('a', backend, scene.longLeaseMs)
        assert.equal(second.session, first.session, 'one id and one lease: one session')
        const standing = second.enter()
        await standing.wins()
        await first.close()
        await scene.stays('a leads', 2 * scene.leaseMs, () => standing.log.believes())
        await second.close()
        await (await scene.join('b')).enter().wins()
      },
    },
  ],
}
