import assert from 'node:assert/strict'

import type { Theme } from './definition.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const

export const contention: Theme = {
  theme: 'contention',
  cases: [
    {
      claim: 'of five candidates exactly one leads and the others wait',
      mode: 'each',
      run: async (scene) => {
        const members = await Promise.all(NAMES.map((id) => scene.join(id)))
        const standings = members.map((member) => member.enter())
        const leading = (): number => standings.filter((standing) => standing.leads).length
        await scene.until('one leads', () => leading() > 0)
        await scene.stays('exactly one leads', 3 * scene.leaseMs, () => leading() === 1)
        for (const standing of standings.filter((each) => !each.leads)) {
          assert.equal(standing.log.end, undefined, `${standing.log.label} still waits`)
        }
      },
    },
    {
      claim: 'five candidates that resign in turn have each led once, and never two of them together',
      mode: 'each',
      run: async (scene) => {
        const members = await Promise.all(NAMES.map((id) => scene.join(id)))
        const waiting = new Set(members.map((member) => member.enter()))
        const led: string[] = []
        while (waiting.size > 0) {
          await scene.until('the next one leads', () => [...waiting].some((each) => each.leads))
          const leaders = [...waiting].filter((each) => each.leads)
          assert.equal(leaders.length, 1)
          for (const leader of leaders) {
            led.push(leader.log.label)
            waiting.delete(leader)
            assert.equal(await leader.leave(), 'left')
          }
        }
        assert.deepEqual(led.toSorted(), [...NAMES])
      },
    },
    {
      claim: 'who waits is told how many stand before it, or that nobody knows',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const first = a.enter()
        await first.wins()
        const second = b.enter()
        await second.waits()
        const ahead = second.log.ahead.at(-1)
        assert.ok(ahead === undefined || ahead === 1, `one stands before b, it was told ${ahead}`)
      },
    },
    {
      claim: 'one session stands at most once in an election at a time',
      run: async (scene) => {
        const { member: a, standing: first, token } = await scene.leader('a')
        const second = a.enter()
        await second.ends()
        assert.equal(second.log.end?.reason, 'refused', 'a second candidacy of one session is refused')
        assert.equal(first.token, token)
        assert.ok(first.leads, 'the first is not disturbed')
      },
    },
  ],
}
