import assert from 'node:assert/strict'

import type { Theme } from './definition.ts'

export const observe: Theme = {
  theme: 'observe',
  cases: [
    {
      claim: 'an observer of an election without a leader is told first that it is vacant',
      run: async (scene) => {
        const seen = (await scene.join('a')).observe()
        await scene.until('the present state', () => seen.seen.length > 0)
        assert.equal(seen.seen[0]?.type, 'vacant')
      },
    },
    {
      claim: 'an observer that comes late is told first who leads',
      mode: 'each',
      run: async (scene) => {
        const token = await (await scene.join('a')).enter().wins()
        const seen = (await scene.join('b')).observe()
        await scene.until('the present state', () => seen.seen.length > 0)
        assert.equal(seen.token, token)
        assert.ok(seen.last?.type === 'led' && seen.last.leader.id === 'a')
      },
    },
    {
      claim: 'an observer without a candidate sees the same, and leaves without a trace',
      mode: 'each',
      run: async (scene) => {
        const token = await (await scene.join('a')).enter().wins()
        const process = await scene.process('watcher')
        const share = await scene.outcome('an observer', process.shareObserver({}))
        let seenToken: bigint | undefined
        const observation = share.observer.observe('billing', {
          led: (leader) => (seenToken = leader.token),
          vacant: () => (seenToken = undefined),
          unknown: () => {},
        })
        await scene.until('the leader', () => seenToken === token)
        observation.close()
        await scene.outcome('the observer leaves', share.leave())
      },
    },
    {
      claim: 'an observer sees leaders in the order in which they led, and the newest in the end',
      mode: 'each',
      run: async (scene) => {
        const watcher = await scene.join('watcher')
        const seen = watcher.observe()
        const members = [await scene.join('a'), await scene.join('b')] as const
        let token = 0n
        for (let turn = 0; turn < 6; turn += 1) {
          const standing = members[turn % 2 === 0 ? 0 : 1].enter()
          token = await standing.wins()
          if (turn < 5) await standing.leave()
        }
        await scene.until('the newest leader', () => seen.token === token)
        const ids = seen.seen.flatMap((each) => (each.type === 'led' ? [each.leader.token] : []))
        assert.deepEqual(
          ids,
          ids.toSorted((x, y) => (x < y ? -1 : 1)),
        )
      },
    },
    {
      claim: 'observers of one election agree with its leader on the token',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const logs = [a.observe(), b.observe(), b.observe()]
        const token = await a.enter().wins()
        await scene.until('all see the leader', () => logs.every((log) => log.token === token))
      },
    },
    {
      claim: 'an observer is told of the vacancy after a resignation that nobody follows',
      mode: 'each',
      run: async (scene) => {
        const standing = (await scene.join('a')).enter()
        const seen = (await scene.join('b')).observe()
        const token = await standing.wins()
        await scene.until('the leader', () => seen.token === token)
        await standing.leave()
        await scene.until('the vacancy', () => seen.last?.type === 'vacant')
      },
    },
    {
      claim: 'an observer is told of the vacancy after a crash that nobody follows',
      mode: 'each',
      needs: ['crash'],
      run: async (scene) => {
        const a = await scene.join('a')
        const standing = a.enter()
        const seen = (await scene.join('b')).observe()
        const token = await standing.wins()
        await scene.until('the leader', () => seen.token === token)
        await a.crash()
        await scene.until('the vacancy', () => seen.last?.type === 'vacant', scene.expiryMs)
      },
    },
    {
      claim: 'an observer that is closed hears nothing more, and its neighbour goes on',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const [first, second] = [b.observe(), b.observe()]
        await scene.until('both know', () => first.seen.length > 0 && second.seen.length > 0)
        const heard = first.seen.length
        first.stop()
        const token = await a.enter().wins()
        await scene.until('the other sees the leader', () => second.token === token)
        assert.equal(first.seen.length, heard)
      },
    },
    {
      claim: 'an observer that lost contact says so, and catches up with the newest state',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const a = await scene.join('a')
        const c = await scene.join('c')
        const standing = a.enter()
        const seen = c.observe()
        const old = await standing.wins()
        await scene.until('the leader', () => seen.token === old)
        await c.cut()
        await scene.until('the loss of contact', () => seen.last?.type === 'unknown', scene.expiryMs)
        await standing.leave()
        const token = await (await scene.join('b')).enter().wins()
        await c.heal()
        await scene.until('the newest leader', () => seen.token === token, scene.expiryMs)
      },
    },
    {
      claim: 'an observer learns of a leader that the arbiter named after a restart',
      mode: 'each',
      needs: ['restartArbiter'],
      run: async (scene) => {
        const seen = (await scene.join('watcher')).observe()
        const a = await scene.join('a')
        const first = a.enter()
        const old = await first.wins()
        await scene.until('the leader', () => seen.token === old)
        await scene.restartArbiter()
        await first.leave(scene.expiryMs)
        const token = await (await scene.join('b')).enter().wins(scene.expiryMs)
        await scene.until('the new leader', () => seen.token === token, scene.expiryMs)
      },
    },
  ],
}
