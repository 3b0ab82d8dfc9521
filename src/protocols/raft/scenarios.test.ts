/** Golden transcripts: `scenarios/*.txt` say what the core does, word for word. MANDATE_REWRITE=1 writes them anew. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { runScenario } from './testing/scenario.ts'

const folder = new URL('../../../scenarios/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'))
const rewrite = process.env['MANDATE_REWRITE'] === '1'

describe('the transcripts', () => {
  it('exist', () => {
    expect(files.length, `no scenarios in ${fileURLToPath(folder)}`).toBeGreaterThanOrEqual(18)
  })

  for (const name of files) {
    it(`hold for ${name}`, () => {
      const golden = readFileSync(new URL(name, folder), 'utf8')
      const actual = runScenario(golden)
      if (rewrite) writeFileSync(new URL(name, folder), actual)
      else expect(actual, `run with MANDATE_REWRITE=1 and review the diff`).toBe(golden)
    })
  }
})

describe('the language', () => {
  it('refuses an unknown verb and names the known ones', () => {
    expect(() => runScenario('> peers a\n> dance a')).toThrow(/line 2: 'dance' is not one of peers, .*state/)
  })

  it('replaces old output and keeps comments', () => {
    const text = runScenario('# why\n> peers a\n  nonsense\n\n> state')
    expect(text).toMatch(/^# why\n> peers a\n {2}a: persist 1: term=1 vote=a/)
    expect(text).not.toContain('nonsense')
  })
})
