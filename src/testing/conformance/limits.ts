import assert from 'node:assert/strict'

import { isMandateError } from '../../errors.ts'
import type { MandateErrorCode } from '../../errors.ts'
import type { CandidacyRequest } from '../../backends/backend.ts'
import type { Theme } from './definition.ts'
import type { Member } from './member.ts'
import type { Scene } from './scene.ts'

/** Enters with a request that must be refused, at once or by the arbiter. */
async function isRefused(
  scene: Scene,
  member: Member,
  wish: Partial<CandidacyRequest>,
  code: MandateErrorCode,
): Promise<void> {
  const shown = JSON.stringify(wish).slice(0, 80)
  let error: unknown
  try {
    const { log } = member.enter(wish)
    await scene.until(`${shown} is answered`, () => log.end !== undefined || log.grant !== undefined)
    assert.equal(log.end?.reason, 'refused', `${shown} is refused`)
    error = log.end?.cause
  } catch (thrown) {
    if (thrown instanceof assert.AssertionError) throw thrown
    error = thrown
  }
  assert.ok(isMandateError(error, code), `${shown} is refused with ${code}, not ${String(error)}`)
}

export const limits: Theme = {
  theme: 'limits',
  cases: [
    {
      claim: 'a name of exactly the longest length is taken, one byte more is refused with INVALID_NAME',
      run: async (scene) => {
        const a = await scene.join('a')
        const { nameBytes } = scene.facts.limits
        const longest = 'n'.repeat(nameBytes)
        await a.enter({ election: longest }).wins()
        await isRefused(scene, a, { election: `${longest}n` }, 'INVALID_NAME')
      },
    },
    {
      claim: 'the length of a name counts in bytes, not in characters',
      run: async (scene) => {
        const a = await scene.join('a')
        const name = 'ü'.repeat(Math.floor(scene.facts.limits.nameBytes / 2) + 1)
        await isRefused(scene, a, { election: name }, 'INVALID_NAME')
      },
    },
    {
      claim: 'a name that is empty or holds control characters is refused with INVALID_NAME',
      run: async (scene) => {
        const a = await scene.join('a')
        for (const name of ['', 'a\nb', 'a\u0000b']) {
          await isRefused(scene, a, { election: name }, 'INVALID_NAME')
        }
      },
    },
    {
      claim: 'a name with a slash is an election of its own, or refused with INVALID_NAME',
      run: async (scene) => {
        const a = await scene.join('a')
        if (!scene.facts.limits.nestedNames) {
          await isRefused(scene, a, { election: 'team/billing' }, 'INVALID_NAME')
          return
        }
        const outer = a.enter({ election: 'team' })
        const inner = a.enter({ election: 'team/billing' })
        await outer.wins()
        await inner.wins()
        await outer.leave()
        await scene.stays('the inner one leads', scene.leaseMs, () => inner.log.believes())
      },
    },
    {
      claim: 'names that differ only in case or in a prefix are different elections',
      run: async (scene) => {
        const a = await scene.join('a')
        const standings = ['job', 'Job', 'job-1', 'job-10'].map((election) => a.enter({ election }))
        for (const standing of standings) await standing.wins()
      },
    },
    {
      claim: 'metadata above the limit is refused with LIMIT_EXCEEDED',
      run: async (scene) => {
        const a = await scene.join('a')
        const metadata = { note: 'x'.repeat(scene.facts.limits.metadataBytes + 1) }
        await isRefused(scene, a, { metadata }, 'LIMIT_EXCEEDED')
      },
    },
    {
      claim: 'a lease below the shortest is refused with INVALID_OPTIONS',
      run: async (scene) => {
        const backend = await scene.process('a')
        const leaseMs = scene.facts.limits.minLeaseMs / 2
        await scene.refusal(
          'a short lease',
          backend.share({ candidateId: 'a', leaseMs }, {}),
          'INVALID_OPTIONS',
        )
      },
    },
  ],
}
