import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
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

  it('is what docs/verification.md says, no more and no less', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/verification.md'), 'utf8')
    const [, section = ''] = page.split('## What is checked')
    const rows = section.split('\n').filter((line) => line.startsWith('| ') && line.split('|').length === 5)
    const named = rows.flatMap((row) =>
      [...(row.split('|')[3] ?? '').matchAll(/`([a-z-]+)`/g)].map(([, name = '']) => name),
    )
    expect([...new Set(named)].toSorted()).toEqual(checkers.toSorted())
  })
})
