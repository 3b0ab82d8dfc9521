import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isMandateError } from '../../errors.ts'
import { cloneRoot, mutantNames } from './catalogue.ts'
import type { NamedMutant } from './mutant.ts'
import { scoreMutants } from './score.ts'

const find = '  return leaseMs * (1 - bounds.maxClockDrift) - bounds.tickMs'
const mutant: NamedMutant = {
  name: 'example',
  file: 'lease/deadline.ts',
  find,
  replace: find,
  claim: 'Nothing is broken.',
  source: 'this test',
}
const example = (name: string, replace: string): NamedMutant => ({ ...mutant, name, replace })

it('misses a mutant that changes nothing, catches one that does, and tells who saw it', async () => {
  const lines: string[] = []
  const report = await scoreMutants({
    mutants: [
      example('harmless', `${find} // as it was`),
      example('harmful', '  return leaseMs * 2'),
      example('fatal', '  return leaseMs\n}\nthrow new Error("not today")\nfor (;;) {'),
    ],
    seeds: 1,
    schedules: 'also',
    progress: (line) => lines.push(line),
  })
  expect(report).toMatchObject({
    total: 3,
    caught: 2,
    missed: ['harmless'],
    cleanPasses: true,
  })
  expect(report.mutants[0]).toMatchObject({
    caught: false,
    by: null,
    invariant: null,
    seedsTried: 1,
    firstSeed: null,
  })
  expect(report.mutants[1]).toMatchObject({
    caught: true,
    by: expect.stringMatching(/^schedule:/),
    seedsTried: 1,
  })
  expect(report.mutants[2]).toMatchObject({ caught: true, message: expect.stringContaining('not today') })
  expect(lines).toHaveLength(4)
  const left = readdirSync(join(cloneRoot(), '.cache')).filter((name) => name.startsWith('mutants-'))
  expect(left.filter((name) => existsSync(join(cloneRoot(), '.cache', name, 'program', 'harmful')))).toEqual(
    [],
  )
}, 120_000)

it('refuses a mutant that does not fit, by its name', async () => {
  const scoring = scoreMutants({ mutants: [{ ...mutant, find: 'nowhere to be found' }] })
  await expect(scoring).rejects.toThrow(/mutants\/example\.ts does not fit/)
})

it('refuses a name that is no mutant of the clone', async () => {
  const scoring = scoreMutants({ only: ['no-such-bug'] })
  await expect(scoring).rejects.toThrow(/no planted bug 'no-such-bug'/)
})

it('needs a clone with its development tools', () => {
  expect(() => mutantNames('/')).toThrow(/need a clone/)
  try {
    mutantNames('/')
  } catch (error) {
    expect(isMandateError(error, 'UNSUPPORTED')).toBe(true)
  }
})
