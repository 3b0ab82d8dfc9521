/**
 * The conformance suite: what every backend must do, whichever arbiter it speaks to. Runner-agnostic: it needs a
 * `describe` and an `it`, and asserts with `node:assert`.
 */
import assert from 'node:assert/strict'

import type { BackendFacts, Exclusivity, Guarantee } from '../backends/backend.ts'
import { MandateError } from '../errors.ts'
import { campaign } from './conformance/campaign.ts'
import { cancel } from './conformance/cancel.ts'
import { contention } from './conformance/contention.ts'
import type { CaseDefinition, Theme } from './conformance/definition.ts'
import { exclusivity } from './conformance/exclusivity.ts'
import { handover } from './conformance/handover.ts'
import { identity } from './conformance/identity.ts'
import { leadWork } from './conformance/lead-work.ts'
import { leadership } from './conformance/leadership.ts'
import { limits } from './conformance/limits.ts'
import { loss } from './conformance/loss.ts'
import { lostReplies } from './conformance/lost-replies.ts'
import { manyElections } from './conformance/many-elections.ts'
import { observe } from './conformance/observe.ts'
import { operator } from './conformance/operator.ts'
import { proclaim } from './conformance/proclaim.ts'
import { resign } from './conformance/resign.ts'
import { Scene } from './conformance/scene.ts'
import type { ConformanceCase, ConformanceSetup, DeclaredSkip } from './conformance/setup.ts'
import { shutdown } from './conformance/shutdown.ts'
import { tokens } from './conformance/tokens.ts'
import { transfer } from './conformance/transfer.ts'
import { watchElection } from './conformance/watch-election.ts'

export type {
  ConformanceCase,
  ConformanceSetup,
  ConformanceWorld,
  DeclaredSkip,
  FaultHook,
} from './conformance/setup.ts'

const THEMES: readonly Theme[] = [
  campaign,
  contention,
  handover,
  loss,
  resign,
  cancel,
  lostReplies,
  tokens,
  identity,
  exclusivity,
  observe,
  manyElections,
  transfer,
  proclaim,
  operator,
  shutdown,
  limits,
  leadership,
  leadWork,
  watchElection,
]

/**
 * Every case of the suite for one backend, those that are skipped with their reason.
 *
 * @throws INVALID_OPTIONS when `skip` names a case that does not exist.
 */
export function backendConformance(given: ConformanceSetup<Guarantee>): readonly ConformanceCase[] {
  // What the suite asks of sessions is the same whatever they guarantee; what is not claimed is skipped by the facts.
  const setup = given as unknown as ConformanceSetup
  const skips = new Skips(setup.skip ?? [])
  const cases = THEMES.flatMap(({ theme, cases: definitions }) =>
    definitions.flatMap((definition) =>
      modesOf(definition, setup).map((mode) => caseOf(setup, theme, definition, mode, skips)),
    ),
  )
  skips.assertAllKnown()
  return cases
}

/** What the suite asks of a test runner: `vitest`, `node:test`, `mocha` and `jest` all have it. */
export interface ConformanceRunner {
  describe(name: string, body: () => void): unknown
  it: {
    (name: string, body: () => Promise<void>): unknown
    skip(name: string, body: () => Promise<void>): unknown
  }
}

/**
 * Registers every case with a test runner, skipped ones as skipped with the reason in their name.
 * Gives the cases back, so that a report can list what was not run. Mind the runner's time limit for one test: a case
 * against a real server may wait for several leases.
 */
export function testBackend(
  runner: ConformanceRunner,
  setup: ConformanceSetup<Guarantee>,
): readonly ConformanceCase[] {
  const cases = backendConformance(setup)
  runner.describe(`${setup.name} conforms`, () => {
    for (const theme of new Set(cases.map((each) => each.theme))) {
      runner.describe(theme, () => {
        for (const each of cases.filter((one) => one.theme === theme)) register(runner, each)
      })
    }
  })
  return cases
}

function register({ it }: ConformanceRunner, each: ConformanceCase): void {
  if (each.skipped === undefined) it(each.name, () => each.run())
  else it.skip(`${each.name} (skipped: ${each.skipped})`, () => each.run())
}

/** A case without a mode of its own runs in the first that the backend has; one in a mode it lacks is skipped. */
function modesOf(
  { mode }: CaseDefinition,
  { facts }: ConformanceSetup,
): readonly (Exclusivity | undefined)[] {
  // An advisory backend has no mode: what every mode promises it promises as well, unless its setup says otherwise.
  if (mode === 'each') return isAdvisory(facts) ? [undefined] : facts.exclusivity
  return [mode]
}

function isAdvisory({ guarantee }: BackendFacts<Guarantee>): boolean {
  return guarantee === 'advisory'
}

function caseOf(
  setup: ConformanceSetup,
  theme: string,
  definition: CaseDefinition,
  mode: Exclusivity | undefined,
  skips: Skips,
): ConformanceCase {
  const name = mode === undefined ? definition.claim : `${definition.claim} (${mode})`
  const declared = skips.reasonFor(definition.claim, name)
  return {
    name,
    theme,
    skipped: declared ?? inapplicable(setup, definition, mode),
    run: () => runCase(setup, definition, mode ?? setup.facts.exclusivity[0] ?? 'token'),
  }
}

function inapplicable(
  { facts, absent = {} }: ConformanceSetup,
  definition: CaseDefinition,
  mode: Exclusivity | undefined,
): string | undefined {
  if (mode !== undefined && !facts.exclusivity.includes(mode)) return `it does not support '${mode}'`
  const reason = definition.unless?.(facts)
  if (reason !== undefined) return reason
  const hook = definition.needs?.find((need) => absent[need] !== undefined)
  return hook === undefined ? undefined : `no ${hook} here: ${absent[hook]}`
}

/** Plays one case in a fresh world. The first thing that went wrong is the one that is reported. */
async function runCase(
  setup: ConformanceSetup,
  definition: CaseDefinition,
  mode: Exclusivity,
): Promise<void> {
  const scene = new Scene(setup, await setup.create(), mode)
  let failure: { readonly error: unknown } | undefined
  try {
    const missing = scene.missing(definition.needs ?? [])
    assert.deepEqual(missing, [], 'these hooks are neither provided nor declared absent')
    await definition.run(scene)
    assert.deepEqual(scene.breaches(), [], 'rules that hold in every case')
  } catch (error) {
    failure = { error }
  }
  try {
    await scene.close()
  } catch (error) {
    failure ??= { error }
  }
  if (failure !== undefined) throw failure.error
  assert.deepEqual(scene.breaches(), [], 'rules that hold in every case, seen while closing')
}

/** Declared deviations; one that names no case is an error, so that none outlives the case it excuses. */
class Skips {
  readonly #declared: readonly DeclaredSkip[]
  readonly #used = new Set<DeclaredSkip>()

  constructor(declared: readonly DeclaredSkip[]) {
    this.#declared = declared
  }

  reasonFor(claim: string, name: string): string | undefined {
    const skip = this.#declared.find((each) => each.case === claim || each.case === name)
    if (skip !== undefined) this.#used.add(skip)
    return skip?.reason
  }

  assertAllKnown(): void {
    const unknown = this.#declared.find((each) => !this.#used.has(each))
    if (unknown === undefined) return
    throw new MandateError('INVALID_OPTIONS', `skip names a case that does not exist: '${unknown.case}'`, {
      option: 'skip',
      value: unknown.case,
      expected: 'the name of a case, as backendConformance lists it',
    })
  }
}
