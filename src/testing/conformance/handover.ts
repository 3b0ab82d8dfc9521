import assert from 'node:assert/strict'

import type { Theme } from './definition.ts'
import type { Scene } from './scene.ts'
import type { Standing } from './member.ts'

/** A leads; the others enter one after the other, each known to wait before the next comes. */
async function queueBehind(scene: Scene, others: readonly (readonly [id: string, priority: number])[]) {
  const { standing: leader } = await scene.leader('a')
  const queue: Standing[] = []
  for (const [id, priority] of others) {
    const standing = (await scene.join(id)).enter({ priority })
    await standing.waits()
    queue.push(standing)
  }
  return { leader, queue }
}

/** Lets each leader resign and writes down who came after it. */
async function orderOfSuccession(scene: Scene, leader: Standing, queue: readonly Standing[]) {
  const order: string[] = []
  let current = leader
  for (let turn = 0; turn < queue.length; turn += 1) {
    await current.leave()
    await scene.until('a successor leads', () => queue.some((each) => each.leads))
    const next = queue.find((each) => each.leads)
    assert.ok(next !== undefined)
    order.push(next.log.label)
    current = next
  }
  return order
}

export const handover: Theme = {
  theme: 'handover',
  cases: [
    {
      claim: 'candidates of one priority lead in the order in which they came',
      mode: 'each',
      unless: ({ order }) =>
        order === 'fair' || order === 'queue' ? undefined : `its order is '${order}', not by arrival`,
      run: async (scene) => {
        const { leader, queue } = await queueBehind(scene, [
          ['z', 0],
          ['m', 0],
          ['b', 0],
        ])
        assert.deepEqual(await orderOfSuccession(scene, leader, queue), ['z', 'm', 'b'])
      },
    },
    {
      claim: 'a higher priority leads first among those who wait',
      mode: 'each',
      unless: ({ order }) => (order === 'race' || order === 'queue' ? `its order is '${order}'` : undefined),
      run: async (scene) => {
        const { leader, queue } = await queueBehind(scene, [
          ['b', 1],
          ['c', 9],
          ['d', 5],
        ])
        assert.deepEqual(await orderOfSuccession(scene, leader, queue), ['c', 'd', 'b'])
      },
    },
    {
      claim: 'a higher priority does not push out a leader',
      mode: 'each',
      run: async (scene) => {
        const low = (await scene.join('a')).enter({ priority: 0 })
        await low.wins()
        const high = (await scene.join('b')).enter({ priority: 100 })
        await scene.stays('a goes on leading', 2 * scene.leaseMs, () => low.leads)
        assert.equal(high.log.grant, undefined)
      },
    },
    {
      claim: 'after a resignation the next wins without waiting for any lease',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a', scene.longLeaseMs)
        const b = await scene.join('b', scene.longLeaseMs)
        const first = a.enter()
        const token = await first.wins()
        const second = b.enter()
        await second.waits()
        assert.equal(await first.leave(), 'left')
        await second.winsAbove(token)
      },
    },
    {
      claim: 'a leader that resigned, and stands again at once, does not come before those who wait',
      mode: 'each',
      unless: ({ order }) => (order === 'race' ? `its order is '${order}'` : undefined),
      run: async (scene) => {
        for (const known of [false, true]) {
          const election = `again-${known}`
          const a = await scene.join(`a-${known}`)
          const b = await scene.join(`b-${known}`)
          const first = a.enter({ election })
          await first.wins()
          const second = b.enter({ election })
          await second.waits()
          const leaving = first.leave()
          if (known) await leaving
          const again = a.enter({ election })
          await scene.until('somebody leads', () => second.leads || again.leads)
          assert.ok(second.leads, 'the one that waited leads')
          await Promise.all([a.close(), b.close()])
        }
      },
    },
    {
      claim: 'a waiter that died does not stop those behind it',
      mode: 'each',
      needs: ['crash'],
      run: async (scene) => {
        const { standing: leader } = await scene.leader('a')
        const b = await scene.join('b')
        const second = b.enter()
        await second.waits()
        const third = await scene.waiter('c')
        await b.crash()
        await leader.leave()
        await third.wins(scene.expiryMs)
      },
    },
    {
      // @codedependant/kubernetes-leader-election 1.0.1: two standbys, no acquisition in 134 s after the expiry.
      claim: 'after a crash the election goes to a candidate that waits',
      mode: 'each',
      needs: ['crash'],
      run: async (scene) => {
        const { member: a, token } = await scene.leader('a')
        const second = (await scene.join('b')).enter()
        const third = (await scene.join('c')).enter()
        await a.crash()
        await scene.until('b or c leads', () => second.leads || third.leads, scene.expiryMs)
        const successor = second.leads ? second : third
        assert.ok(successor.token > token, `token ${successor.token} is above the earlier ${token}`)
        await scene.stays('one of them leads', 3 * scene.leaseMs, () => second.leads !== third.leads)
      },
    },
  ],
}
