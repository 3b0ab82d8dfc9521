import assert from 'node:assert/strict'

import { isMandateError } from '../../errors.ts'
import type { Theme } from './definition.ts'
import type { Member } from './member.ts'
import type { Scene } from './scene.ts'

/** Opens a session under an id that may still be taken, until it is let in. */
async function joinWhenFree(scene: Scene, id: string): Promise<Member> {
  const backend = await scene.process(id)
  for (let waitedMs = 0; ; waitedMs += scene.leaseMs / 4) {
    try {
      return await scene.member(id, backend, scene.leaseMs, scene.expiryMs)
    } catch (error) {
      if (!isMandateError(error, 'DUPLICATE_ID') || waitedMs > scene.expiryMs) throw error
    }
    await scene.advance(scene.leaseMs / 4)
  }
}

/** Whether a second process with this id is kept out: at its session, or at its candidacy. */
async function isKeptOut(scene: Scene, id: string): Promise<boolean> {
  let member: Member
  try {
    member = await scene.join(id)
  } catch (error) {
    if (isMandateError(error, 'DUPLICATE_ID')) return true
    throw error
  }
  const standing = member.enter()
  await scene.until(
    'the second incarnation is answered',
    () => standing.log.end !== undefined || standing.log.grant !== undefined || standing.log.ahead.length > 0,
  )
  const { end } = standing.log
  return end?.reason === 'refused' && isMandateError(end.cause, 'DUPLICATE_ID')
}

export const identity: Theme = {
  theme: 'identity',
  cases: [
    {
      // n8n#27126: a restart with the same identity found its own key and took it for its own leadership.
      claim: 'a second process with the id of a connected leader is refused with DUPLICATE_ID',
      mode: 'each',
      run: async (scene) => {
        const { standing: first, token } = await scene.leader('a')
        assert.ok(await isKeptOut(scene, 'a'), 'the second process is refused with DUPLICATE_ID')
        await scene.stays('the first leads', 2 * scene.leaseMs, () => first.log.believes())
        assert.equal(first.token, token)
      },
    },
    {
      claim: 'a second process with the id of a connected candidate that waits is refused with DUPLICATE_ID',
      mode: 'each',
      run: async (scene) => {
        await (await scene.join('a')).enter().wins()
        const waiting = await scene.waiter('b')
        assert.ok(await isKeptOut(scene, 'b'), 'the second process is refused with DUPLICATE_ID')
        assert.equal(waiting.log.end, undefined)
      },
    },
    {
      claim: 'a second process with the id of a silent leader waits its turn and gets a token of its own',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const { member: a, standing: first, token } = await scene.leader('a')
        await a.cut()
        const again = await joinWhenFree(scene, 'a')
        const second = again.enter()
        await second.winsAbove(token, scene.expiryMs)
        await a.heal()
        await scene.until('the first no longer leads', () => !first.log.believes(), scene.expiryMs)
        await scene.stays('the second leads', 2 * scene.leaseMs, () => second.leads)
      },
    },
    {
      claim: 'a process that crashed and comes back under its id does not inherit its leadership',
      mode: 'each',
      needs: ['crash'],
      run: async (scene) => {
        const a = await scene.join('a')
        const token = await a.enter().wins()
        await a.crash()
        const again = await joinWhenFree(scene, 'a')
        await again.enter().winsAbove(token, scene.expiryMs)
      },
    },
    {
      claim: 'an id is free at once when its session was closed',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a', scene.longLeaseMs)
        const token = await a.enter().wins()
        await a.close()
        const again = await scene.join('a')
        await again.enter().winsAbove(token)
      },
    },
  ],
}
