import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { invariants } from './index.ts'

const files = readdirSync(import.meta.dirname).filter((name) => /^[a-z0-9-]+\.ts$/.test(name))
const checkers = files
  .map((name) => name.replace(/\.ts$/, ''))
  .filter((name) => !/^(index|invariant)$/.test(name))

describe('the list of invariants', () => {
  it('has every checker of this folder once, under the name of its file', () => {
    expect(invariants.map(({ name }) => name).toSorted()).toEqual(checkers.toSorted())
  })

  it('has a test for every checker', () => {
    const tests = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'))
    for (const checker of checkers) expect(tests).toContain(`${checker}.test.ts`)
  })

  it('cites where each claim comes from', () => {
    for (const { claim } of invariants)
      expect(claim).toMatch(/\((S\d|L\d|A\d|Raft|DESIGN|Dissertation)[^)]*\)\.$/)
  })
})
