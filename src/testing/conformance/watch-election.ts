import assert from 'node:assert/strict'

import type { ElectionState } from '../../election/observe.ts'
import type { Theme } from './definition.ts'
import { begun } from './scene.ts'
import type { Candidate, Scene } from './scene.ts'

/** Reads an observer of an election to its end, as fast as it can. */
function follow(
  { election }: Candidate,
  signal: AbortSignal,
): { readonly states: ElectionState[]; ended: boolean } {
  const reading: { readonly states: ElectionState[]; ended: boolean } = { states: [], ended: false }
  const read = async (): Promise<void> => {
    for await (const state of election.observe({ signal })) reading.states.push(state)
    reading.ended = true
  }
  void begun(read())
  return reading
}

async function leadOnce(scene: Scene, { election }: Candidate): Promise<bigint> {
  const held = await scene.outcome('campaign()', election.campaign())
  await scene.outcome('resign()', held.resign())
  return held.token
}

/** Through `createElection`: `observe()` and `current()`. */
export const watchElection: Theme = {
  theme: 'observe and current',
  cases: [
    {
      claim: 'observe() yields the present state first, then every change, and ends with its signal',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a')
        const watcher = await scene.candidate('watcher')
        const stop = new AbortController()
        const reading = follow(watcher, stop.signal)
        await scene.until('the present state', () => reading.states.length > 0)
        assert.equal(reading.states[0]?.type, 'vacant')
        const held = await scene.outcome('campaign()', a.election.campaign())
        await scene.until('the leader', () => reading.states.at(-1)?.type === 'led')
        const led = reading.states.at(-1)
        assert.ok(led?.type === 'led' && led.leader.token === held.token && led.leader.id === 'a')
        assert.match(JSON.stringify(led), new RegExp(`"token":"${held.token}"`))
        await scene.outcome('resign()', held.resign())
        await scene.until('the vacancy', () => reading.states.at(-1)?.type === 'vacant')
        stop.abort()
        await scene.until('the end', () => reading.ended)
      },
    },
    {
      claim: 'a slow reader of observe() gets the newest state, and never an older one after it',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a')
        const watcher = await scene.candidate('watcher')
        const states = watcher.election.observe()[Symbol.asyncIterator]()
        await scene.outcome('the present state', states.next())
        for (let turn = 0; turn < 4; turn += 1) await leadOnce(scene, a)
        const held = await scene.outcome('campaign()', a.election.campaign())
        await scene.advance(scene.leaseMs)
        const seen: bigint[] = []
        while (seen.at(-1) !== held.token) {
          const { value, done } = await scene.outcome('the next state', states.next())
          assert.notEqual(done, true)
          if (value?.type === 'led') seen.push(value.leader.token)
          assert.ok(seen.length <= 6, 'no more states than there were changes')
        }
        assert.deepEqual(
          seen,
          seen.toSorted((x, y) => (x < y ? -1 : 1)),
        )
        await scene.outcome('the reader leaves', Promise.resolve(states.return?.()))
      },
    },
    {
      claim: 'current() is one read: vacant, then led, then vacant again',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a')
        const watcher = await scene.candidate('watcher')
        const read = (): Promise<ElectionState> => scene.outcome('current()', watcher.election.current())
        assert.equal((await read()).type, 'vacant')
        const held = await scene.outcome('campaign()', a.election.campaign())
        const led = await read()
        assert.ok(led.type === 'led' && led.leader.token === held.token, JSON.stringify(led))
        await scene.outcome('resign()', held.resign())
        assert.equal((await read()).type, 'vacant')
      },
    },
  ],
}
