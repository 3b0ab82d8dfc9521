import assert from 'node:assert/strict'

import type { Exclusivity } from '../../backends/backend.ts'
import { isMandateError } from '../../errors.ts'
import type { CaseDefinition, Theme } from './definition.ts'
import type { Member } from './member.ts'
import type { Scene } from './scene.ts'

const MODES = ['time', 'token'] as const satisfies readonly Exclusivity[]

/** Enters in a mode that must be refused, at once or by the arbiter; gives the refusal. */
async function refusalOf(scene: Scene, member: Member, exclusivity: Exclusivity): Promise<unknown> {
  let standing
  try {
    standing = member.enter({ exclusivity })
  } catch (error) {
    return error
  }
  const { log } = standing
  await scene.until(
    `${member.id} is answered`,
    () => log.end !== undefined || log.grant !== undefined || log.ahead.length > 0,
  )
  assert.equal(log.end?.reason, 'refused', `a candidate that asks for '${exclusivity}' is refused`)
  return log.end?.cause
}

/** One election is held in `mode`; who asks for the other mode is turned away. */
function mismatch(mode: Exclusivity): CaseDefinition {
  const other = mode === 'time' ? 'token' : 'time'
  return {
    claim: `who asks for '${other}' in an election held in '${mode}' is refused, and both are named`,
    mode,
    unless: (facts) => (facts.exclusivity.includes(other) ? undefined : `it supports only '${mode}'`),
    run: async (scene) => {
      const { standing: first } = await scene.leader('a')
      const b = await scene.join('b')
      const error = await refusalOf(scene, b, other)
      assert.ok(isMandateError(error, 'INVALID_OPTIONS'), `INVALID_OPTIONS, not ${String(error)}`)
      assert.match(error.message, /\btime\b/)
      assert.match(error.message, /\btoken\b/)
      await scene.stays('a leads undisturbed', 2 * scene.leaseMs, () => first.log.believes())
      const second = b.enter()
      await first.leave()
      await second.wins()
    },
  }
}

function unsupported(mode: Exclusivity): CaseDefinition {
  return {
    claim: `an exclusivity of '${mode}' is refused where it is not supported`,
    unless: ({ exclusivity }) =>
      exclusivity.length === 0
        ? 'it supports none, and is asked for none'
        : exclusivity.includes(mode)
          ? `it supports '${mode}'`
          : undefined,
    run: async (scene) => {
      const error = await refusalOf(scene, await scene.join('a'), mode)
      assert.ok(
        isMandateError(error, 'INVALID_OPTIONS') || isMandateError(error, 'UNSUPPORTED'),
        `INVALID_OPTIONS or UNSUPPORTED, not ${String(error)}`,
      )
      assert.match(error.message, new RegExp(`\\b${mode}\\b`))
    },
  }
}

export const exclusivity: Theme = {
  theme: 'exclusivity',
  cases: [...MODES.map(mismatch), ...MODES.map(unsupported)],
}
