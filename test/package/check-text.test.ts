import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkRepositoryText, checkText } from '../../scripts/check-text.mjs'

// Spelled in halves, so that this file passes the check it tests.
const unfinished = 'FIX' + 'ME'
const focused = 'it' + '.only'

describe('the text rules', () => {
  it.each([
    ['a leftover in code', 'src/lease/deadline.ts', `// ${unfinished}: later`],
    ['a leftover in the docs', 'docs/raft.md', `${unfinished}`],
    ['a leftover in the CI script', '.ci/run', `# ${'X' + 'XX'}`],
    ['a focused test', 'src/lease/deadline.test.ts', `${focused}('x', () => {})`],
    ['a silenced compiler', 'src/index.ts', `// @ts-${'ignore'}`],
    ['an unfinished merge', 'README.md', `${'<'.repeat(7)} HEAD`],
    ['a vague file name', 'src/lease/utils.ts', ''],
    ['a file name in camel case', 'src/lease/leaseMachine.ts', ''],
  ])('find %s', (_name, path, text) => {
    expect(checkText(path, text)).toHaveLength(1)
  })

  it('say where, and what to do', () => {
    expect(checkText('src/a.ts', `const a = 1\n// ${unfinished}\n`)).toEqual([
      `src/a.ts:2: '${unfinished}' is forbidden: finish it, or open an issue`,
    ])
  })

  it('let ordinary files pass', () => {
    expect(checkText('src/lease/deadline.test.ts', "it('x', () => {})\n// mktemp XXXXXX\n")).toEqual([])
    expect(checkText('CONTRIBUTING.md', 'Run it only once.\n')).toEqual([])
  })

  it('read a whole repository but its dependencies and output, and refuse an empty one', () => {
    const root = mkdtempSync(join(tmpdir(), 'mandate-text-'))
    try {
      expect(checkRepositoryText(root)).toEqual(['no text file found'])
      for (const folder of ['src', 'node_modules', 'dist']) {
        mkdirSync(join(root, folder))
        writeFileSync(join(root, folder, 'a.ts'), `// ${unfinished}\n`)
      }
      expect(checkRepositoryText(root)).toEqual([expect.stringMatching(/^src\/a\.ts:1:/)])
    } finally {
      rmSync(root, { recursive: true })
    }
  })
})
