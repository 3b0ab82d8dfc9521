/** Holds docs/errors.md against the list of codes, the types of their details, the exit codes and the code that throws. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { listFiles } from '../../scripts/check-text.mjs'
import { exitCodeOf } from '../../src/cli/exit-codes.ts'
import { MandateError, mandateErrorCodes } from '../../src/errors.ts'
import type { MandateErrorCode } from '../../src/errors.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The sections of a page: heading of the second level, and everything up to the next one. */
function sectionsOf(page: string): Map<string, string> {
  const [, ...parts] = page.split(/^## /m)
  return new Map(
    parts.map((part) => {
      const end = part.indexOf('\n')
      return [part.slice(0, end).trim(), part.slice(end + 1)]
    }),
  )
}

/** The members of each code's details, as the type spells them: `option`, `value?`. */
function detailsOf(source: string): Map<string, readonly string[]> {
  const lines = source.matchAll(/^ {2}([A-Z_]+): \{(.*)\}$/gm)
  return new Map(
    [...lines].map(([, code = '', body = '']) => [
      code,
      // Only the members of the outer object: those of a nested one stand inside braces.
      [...body.replaceAll(/\{[^{}]*\}/g, '').matchAll(/readonly (\w+\??):/g)].map(([, name = '']) => name),
    ]),
  )
}

/** Codes of which some file of the product makes an error. The test kit throws on behalf of others. */
function thrownCodes(): Set<string> {
  const thrown = new Set<string>()
  for (const path of listFiles(root, 'src')) {
    if (!path.endsWith('.ts') || path.endsWith('.test.ts') || /\/testing\//.test(path)) continue
    for (const [, code = ''] of read(path).matchAll(/new MandateError\(\s*'([A-Z_]+)'/g)) thrown.add(code)
  }
  return thrown
}

const sections = sectionsOf(read('docs/errors.md'))
const details = detailsOf(read('src/errors.ts'))
const thrown = thrownCodes()
const reserved = (code: string): boolean => sections.get(code)?.includes('Reserved: ') === true

describe('docs/errors.md', () => {
  it('has one section for each code, in the order of the list, and no other', () => {
    expect([...sections.keys()]).toEqual([...mandateErrorCodes])
  })

  it.each(mandateErrorCodes)('names the details of %s as their type does', (code) => {
    const line = /^- `details`: (.*)$/m.exec(sections.get(code) ?? '')?.[1] ?? ''
    expect([...line.matchAll(/`([^`]+)`/g)].map(([, name]) => name)).toEqual(details.get(code))
    expect(details.get(code)?.length).toBeGreaterThan(0)
  })

  it.each(mandateErrorCodes)('gives the exit code of %s', (code: MandateErrorCode) => {
    const line = /^- exit code (\d+)$/m.exec(sections.get(code) ?? '')?.[1]
    expect(Number(line)).toBe(exitCodeOf(new MandateError(code, 'any', {})))
  })

  it.each(mandateErrorCodes)('calls %s reserved exactly if nothing throws it', (code) => {
    expect(thrown.has(code)).toBe(!reserved(code))
  })

  it('names, for each reserved code, the planned backends that it is for', () => {
    const planned = [...read('src/cli/description.ts').matchAll(/^ {2}\['\w+', '(\w+)'\],$/gm)].map(
      ([, name]) => name,
    )
    const known = new Set(planned)
    for (const code of mandateErrorCodes.filter(reserved)) {
      const list = /For the backends ((?:`[^`]+`|,|and|\s)+)/.exec(sections.get(code) ?? '')?.[1]
      const named = [...(list ?? '').matchAll(/`([a-z]+)`/g)].map(([, name]) => name)
      expect(named.length, code).toBeGreaterThan(0)
      for (const name of named) expect(known, `${code} is for ${name}`).toContain(name)
    }
  })
})

describe('the way this is read', () => {
  it('finds sections, members and throws', () => {
    expect([...sectionsOf('# P\n## A\none\n## B\ntwo\n')]).toEqual([
      ['A', 'one\n'],
      ['B', 'two\n'],
    ])
    const nested = '  X: { readonly a?: readonly { readonly b: string }[]; readonly c: number }'
    expect(detailsOf(nested).get('X')).toEqual(['a?', 'c'])
    expect(thrown.size).toBeGreaterThan(10)
  })
})
