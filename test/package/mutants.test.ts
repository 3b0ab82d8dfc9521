/** The planted bugs of `mutants/` against the code of today. Whether they are caught is scored by the simulator. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isMandateError } from '../../src/errors.ts'
import { cloneRoot, mutantNames, readMutants } from '../../src/simulator/mutants/catalogue.ts'
import { transpile } from '../../src/simulator/mutants/compiler.ts'
import type { NamedMutant } from '../../src/simulator/mutants/mutant.ts'
import { plant } from '../../src/simulator/mutants/patch.ts'
import { plantAll } from '../../src/simulator/mutants/workshop.ts'
import { rowsOf, withScores } from '../../scripts/mutants.mjs'

const root = cloneRoot()
const names = mutantNames(root)
let scratch: string
let mutants: readonly NamedMutant[]

beforeAll(async () => {
  mkdirSync(join(root, '.cache'), { recursive: true })
  scratch = mkdtempSync(join(root, '.cache/mutants-test-'))
  mutants = await readMutants(root, scratch)
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe('planted bugs', () => {
  it('are at least forty', () => {
    expect(names.length).toBeGreaterThanOrEqual(40)
  })

  it.each(names)(
    '%s fits the code of today, and says what it breaks and where that is known from',
    (name) => {
      const mutant = mutants.find((one) => one.name === name) as NamedMutant
      const source = readFileSync(join(root, 'src', mutant.file), 'utf8')
      expect(plant(mutant, source)).not.toBe(source)
      expect(mutant.claim).toMatch(/^\w.{20,}\.$/)
      expect(mutant.source).toMatch(/\w{3,}/)
    },
  )

  it('stand in the table of docs/verification.md, each in a row, with who saw it', () => {
    const rows = rowsOf(readFileSync(join(root, 'docs/verification.md'), 'utf8'))
    // Missing here? `npm run mutants -- --only NAME` scores it and writes its row.
    expect([...rows.keys()]).toEqual(names)
    for (const [name, { claim, seen }] of rows) {
      expect(claim).toBe(mutants.find((one) => one.name === name)?.claim)
      expect(seen, name).not.toContain('**nobody**')
    }
  })

  it('leave code that parses', async () => {
    const sources = join(scratch, 'planted')
    const files = plantAll(root, sources, mutants)
    await expect(transpile(root, files, sources, join(scratch, 'out'))).resolves.toBeUndefined()
  })

  it('that no longer parse are told with the place', async () => {
    const broken: NamedMutant = {
      ...(mutants[0] as NamedMutant),
      file: 'lease/deadline.ts',
      find: 'export function holderValidityMs(',
      replace: 'export function holderValidityMs((',
    }
    const sources = join(scratch, 'broken')
    const files = plantAll(root, sources, [broken])
    const compiling = transpile(root, files, sources, join(scratch, 'out'))
    await expect(compiling).rejects.toSatisfy((error) => {
      return isMandateError(error, 'INTERNAL') && error.message.includes('lease/deadline.ts')
    })
  })
})

describe('a planted bug that does not fit', () => {
  const mutant = { name: 'example', file: 'a.ts', find: 'one', replace: 'two', claim: '', source: '' }

  it('is refused by name when its text is missing', () => {
    expect(() => plant(mutant, 'nothing')).toThrow(/mutants\/example\.ts does not fit.*nowhere in src\/a\.ts/)
  })

  it('is refused by name when its text is there twice', () => {
    expect(() => plant(mutant, 'one and one')).toThrow(/mutants\/example\.ts does not fit.*2 times/)
  })

  it('takes no character of the new text for a pattern', () => {
    expect(plant({ ...mutant, replace: "$& $' $1" }, 'say one.')).toBe("say $& $' $1.")
  })
})

describe('the table of planted bugs', () => {
  const page =
    'before\n<!-- planted bugs: written by `npm run mutants` -->\n<!-- end of planted bugs -->\nafter\n'
  const score = {
    name: 'a',
    claim: 'It holds.',
    by: 'schedule:x',
    seedInvariant: 'y',
    firstSeed: '4',
    seedsTried: 4,
  }
  const missed = { ...score, name: 'b', by: null, seedInvariant: null, firstSeed: null, seedsTried: 9 }

  it('tells who saw a bug, and says so when nobody did', () => {
    const text = withScores(page, [score, missed], ['a', 'b'])
    expect(text).toContain('| `a` | It holds. | schedule `x`, `y` | 4 |')
    expect(text).toContain('| `b` | It holds. | **nobody** | none of 9 |')
    expect(text).toContain(
      '1 of 2 are seen: 1 by a scripted schedule, 1 by one of the first seeds (the median is seed 4)',
    )
    expect(text.startsWith('before\n') && text.endsWith('after\n')).toBe(true)
  })

  it('keeps the rows of bugs that were not scored now, and drops those that are no more', () => {
    const text = withScores(
      withScores(page, [score, missed], ['a', 'b']),
      [{ ...missed, name: 'c' }],
      ['b', 'c'],
    )
    expect([...rowsOf(text).keys()]).toEqual(['b', 'c'])
  })
})
