/** Bugs from `mutants/`, planted one at a time in a copy of the source: seeds of the bare cores must find each. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { importUserModule } from '../../cli/user-module.ts'
import { cloneRoot, readMutants } from '../mutants/catalogue.ts'
import type { NamedMutant } from '../mutants/mutant.ts'
import { openWorkshop, type Workshop } from '../mutants/workshop.ts'
import type * as RunCore from './run-core.ts'

/** By name: what the first seed that finds it says is broken. */
const planted: Readonly<Record<string, RegExp>> = {
  'vote-not-written': /durable-before-told|one-vote-per-term/,
  'vote-counted-twice': /elected-by-majority/,
  'log-check-by-term': /leader-completeness|committed-is-durable|state-machine-safety|nothing-fails/,
  'leader-counts-what-is-not-durable': /committed-is-durable/,
  'append-without-consistency-check': /log-matching/,
  'step-down-clears-vote': /one-vote-per-term/,
  'expired-by-one-withdrawal': /expire-needs-majority/,
  'keepalive-acknowledged-after-withdrawal': /no-support-after-withdrawal/,
}
const seedsMax = 200

let scratch = ''
let mutants: readonly NamedMutant[] = []
let workshop: Workshop | null = null

beforeAll(async () => {
  const cache = join(cloneRoot(), '.cache')
  mkdirSync(cache, { recursive: true })
  scratch = mkdtempSync(join(cache, 'planted-'))
  mutants = (await readMutants(cloneRoot(), scratch)).filter(({ name }) => name in planted)
  workshop = await openWorkshop(cloneRoot(), scratch, mutants)
}, 120_000)

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** In turn: all whole at the end, and a minority broken for ever. */
function firstViolation(
  { runCoreSeed }: typeof RunCore,
  seeds = seedsMax,
): { seed: number; invariant: string } | null {
  for (let seed = 1; seed <= seeds; seed++) {
    const mode = seed % 2 === 0 ? 'safety' : 'liveness'
    const options = { faults: ['storm'], peers: [3, 5], simulatedMs: 30_000, mode } as const
    const [violation] = runCoreSeed(String(seed), options).violations
    if (violation !== undefined) return { seed, invariant: violation.invariant }
  }
  return null
}

describe('seeds of the bare cores find', () => {
  for (const [name, claim] of Object.entries(planted)) {
    it(
      name,
      async () => {
        const mutant = mutants.find((one) => one.name === name)
        if (workshop === null || mutant === undefined) throw new Error(`${name} is not in mutants/`)
        const program = workshop.build(mutant)
        const module = (await importUserModule(join(program, 'simulator/core/run-core.js'))) as typeof RunCore
        const found = firstViolation(module)
        expect(found?.invariant, `nothing in ${seedsMax} seeds`).toMatch(claim)
      },
      120_000,
    )
  }

  it('nothing in the code as it is', async () => {
    if (workshop === null) throw new Error('no workshop')
    const program = join(workshop.clean, 'simulator/core/run-core.js')
    const module = (await importUserModule(program)) as typeof RunCore
    expect(firstViolation(module, 20)).toBeNull()
  }, 240_000)
})
