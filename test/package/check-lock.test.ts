import { describe, expect, it } from 'vitest'
import { checkLock } from '../../scripts/package-checks.mjs'

const check = (packages: Record<string, object>): string[] => checkLock({ packages: { '': {}, ...packages } })

describe('the lock file check', () => {
  it('accepts a complete file, nested packages included', () => {
    expect(
      check({
        'node_modules/a': { version: '1.0.0', dependencies: { b: '1', c: '1' } },
        'node_modules/a/node_modules/b': { version: '1.0.0', optionalDependencies: { c: '1' } },
        'node_modules/c': { version: '1.0.0' },
        'node_modules/d': { version: '1.0.0', hasInstallScript: true, dev: true },
      }),
    ).toEqual([])
  })

  it.each([
    ['a registry address', { version: '1.0.0', resolved: 'somewhere' }, 'resolved'],
    ['an install script at users', { version: '1.0.0', hasInstallScript: true }, 'install script'],
    [
      'a platform that npm left out',
      { version: '1.0.0', optionalDependencies: { 'a-linux': '1' } },
      'a-linux',
    ],
  ])('finds %s', (_name, entry, word) => {
    expect(check({ 'node_modules/a': entry })).toEqual([expect.stringContaining(word)])
  })

  it('refuses an empty file', () => {
    expect(check({})).toHaveLength(1)
  })
})
