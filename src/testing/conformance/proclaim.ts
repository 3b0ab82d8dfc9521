import assert from 'node:assert/strict'

import type { BackendFacts } from '../../backends/backend.ts'
import type { Theme } from './definition.ts'

const unlessProclaims = (facts: BackendFacts): string | undefined =>
  facts.proclaim ? undefined : 'it does not support proclaim'

export const proclaim: Theme = {
  theme: 'proclaim',
  cases: [
    {
      claim: 'what a leader proclaims is seen by observers, under the same token',
      mode: 'each',
      unless: unlessProclaims,
      run: async (scene) => {
        const standing = (await scene.join('a')).enter({ metadata: { version: '1' } })
        const seen = (await scene.join('b')).observe()
        const token = await standing.wins()
        assert.equal(await standing.proclaim({ version: '2' }), 'done')
        await scene.until(
          'b sees what was proclaimed',
          () => seen.last?.type === 'led' && seen.last.leader.metadata['version'] === '2',
        )
        assert.equal(seen.token, token)
        await scene.stays('a is sure that it leads', 2 * scene.leaseMs, () => standing.log.believes())
      },
    },
    {
      claim: 'what a leader proclaimed is gone with it',
      mode: 'each',
      unless: unlessProclaims,
      run: async (scene) => {
        const first = (await scene.join('a')).enter()
        const b = await scene.join('b')
        const seen = b.observe()
        await first.wins()
        await first.proclaim({ address: 'of a' })
        await first.leave()
        const token = await b.enter({ metadata: { address: 'of b' } }).wins()
        await scene.until('b sees itself', () => seen.token === token)
        assert.ok(seen.last?.type === 'led')
        assert.deepEqual({ ...seen.last.leader.metadata }, { address: 'of b' })
      },
    },
    {
      claim: 'who waits has nothing to proclaim',
      mode: 'each',
      unless: unlessProclaims,
      run: async (scene) => {
        const first = (await scene.join('a')).enter({ metadata: { version: '1' } })
        const b = await scene.join('b')
        const seen = b.observe()
        await first.wins()
        const second = b.enter()
        await second.waits()
        assert.equal(await second.proclaim({ version: 'stolen' }), 'was-not-holder')
        await scene.until('b sees a', () => seen.last?.type === 'led')
        await scene.stays(
          'the metadata is that of a',
          scene.leaseMs,
          () => seen.last?.type === 'led' && seen.last.leader.metadata['version'] === '1',
        )
      },
    },
    {
      claim: 'a leader that was superseded has nothing to proclaim',
      mode: 'each',
      needs: ['cut'],
      unless: unlessProclaims,
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const first = a.enter()
        const seen = b.observe()
        await first.wins()
        const second = b.enter({ metadata: { version: '2' } })
        await a.cut()
        const token = await second.wins(scene.expiryMs)
        await a.heal()
        await first.ends(scene.expiryMs)
        assert.equal(await first.proclaim({ version: 'late' }), 'was-not-holder')
        await scene.until('b sees itself', () => seen.token === token)
        await scene.stays(
          'the metadata is that of b',
          scene.leaseMs,
          () => seen.last?.type === 'led' && seen.last.leader.metadata['version'] === '2',
        )
      },
    },
  ],
}
