import assert from 'node:assert/strict'

import { MandateError, isMandateError } from '../../errors.ts'
import type { Theme } from './definition.ts'

export const lostReplies: Theme = {
  theme: 'lost replies',
  cases: [
    {
      claim: 'a campaign whose answer was lost still ends in one win, with the token that others see',
      mode: 'each',
      needs: ['loseNextReply'],
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        const seen = b.observe()
        await scene.loseNextReply(a.backend)
        const standing = a.enter()
        const token = await standing.wins(scene.expiryMs)
        await scene.until('b sees that token', () => seen.token === token)
        await scene.stays('a leads', 3 * scene.leaseMs, () => standing.leads)
      },
    },
    {
      claim: 'a campaign behind a leader whose answer was lost waits once, and leads in its turn',
      mode: 'each',
      needs: ['loseNextReply'],
      run: async (scene) => {
        const { standing: first } = await scene.leader('a')
        const b = await scene.join('b')
        await scene.loseNextReply(b.backend)
        const second = b.enter()
        await second.waits(scene.expiryMs)
        await first.leave()
        await second.wins(scene.expiryMs)
        await second.leave()
        const third = (await scene.join('c')).enter()
        await third.wins(scene.expiryMs)
      },
    },
    {
      claim: 'a renewal whose answer was lost costs nobody the leadership',
      mode: 'each',
      needs: ['loseNextReply'],
      run: async (scene) => {
        const { member: a, standing } = await scene.leader('a')
        for (let turn = 0; turn < 3; turn += 1) {
          await scene.loseNextReply(a.backend)
          await scene.stays('a is sure that it leads', 2 * scene.leaseMs, () => standing.log.believes())
        }
      },
    },
    {
      claim: 'opening a session settles when its answer was lost, and does not shut out its own id for ever',
      needs: ['loseNextReply'],
      run: async (scene) => {
        const backend = await scene.process('a')
        await scene.outcome('the process starts', backend.start())
        await scene.loseNextReply(backend)
        const opening = backend.share({ candidateId: 'a', leaseMs: scene.leaseMs }, {})
        try {
          await scene.outcome('opening', opening, scene.expiryMs)
          return
        } catch (error) {
          assert.ok(
            error instanceof MandateError || isMandateError(error),
            `a typed error, not ${String(error)}`,
          )
        }
        await scene.advance(scene.expiryMs)
        await scene.member('a', backend)
      },
    },
  ],
}
