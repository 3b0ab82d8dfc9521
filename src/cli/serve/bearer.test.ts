import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { bearerCheck } from './bearer.ts'

const folder = mkdtempSync(join(tmpdir(), 'mandate-bearer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const token = '0123456789abcdef0123456789abcdef'

const from = (file: string | undefined, env: Record<string, string> = {}, nowMs = () => 0) =>
  bearerCheck({ file, env, cwd: folder, nowMs })

describe('the token', () => {
  it('is none where none is set', () => {
    expect(from(undefined)).toBeUndefined()
    expect(from(undefined, { MANDATE_HTTP_TOKEN: '' })).toBeUndefined()
  })

  it('is compared as a whole', () => {
    const check = from(undefined, { MANDATE_HTTP_TOKEN: `${token}\n` })
    expect(check?.(`Bearer ${token}`)).toBe(true)
    expect(check?.(`bearer  ${token}`)).toBe(true)
    for (const wrong of [
      undefined,
      '',
      token,
      'Bearer',
      `Bearer ${token}0`,
      `Bearer ${token.slice(1)}`,
      `Basic ${token}`,
    ]) {
      expect(check?.(wrong)).toBe(false)
    }
  })

  it('follows its file when that is replaced, and keeps the old one while there is nothing good', () => {
    let nowMs = 0
    writeFileSync(join(folder, 'token'), `${token}\n`)
    const check = from('token', {}, () => nowMs)
    writeFileSync(join(folder, 'token'), '')
    nowMs += 10_000
    expect(check?.(`Bearer ${token}`)).toBe(true)
    const next = 'f'.repeat(32)
    writeFileSync(join(folder, 'token'), next)
    nowMs += 10_000
    expect(check?.(`Bearer ${token}`)).toBe(false)
    expect(check?.(`Bearer ${next}`)).toBe(true)
  })

  it('is refused with the reason, and never printed', () => {
    writeFileSync(join(folder, 'short'), 'hunter2')
    const refused = (file: string | undefined, env: Record<string, string> = {}): unknown => {
      try {
        return from(file, env)
      } catch (error) {
        return error
      }
    }
    expect(refused('short')).toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining('16 to 4096'),
    })
    expect(JSON.stringify(refused('short'))).not.toContain('hunter2')
    expect(refused('absent')).toMatchObject({ message: expect.stringContaining('cannot be read') })
    expect(refused(undefined, { MANDATE_HTTP_TOKEN: 'with blanks in the middle' })).toMatchObject({
      code: 'INVALID_OPTIONS',
    })
    writeFileSync(join(folder, 'token'), token)
    expect(refused('token', { MANDATE_HTTP_TOKEN: token })).toMatchObject({
      message: expect.stringContaining('give one'),
    })
  })
})
