import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-reporter-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** Runs vitest over one file with the project's reporter; gives the exit code and the last line. */
function run(
  text: string,
  env: Record<string, string> = {},
): { status: number | null; lastLine: string | undefined } {
  writeFileSync(
    join(folder, 'sample.test.ts'),
    `import { expect, it } from '${root}/node_modules/vitest'\n${text}`,
  )
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder]
  args.push('--reporter=default', `--reporter=${join(root, 'scripts/summary-reporter.mjs')}`)
  const { MANDATE_REQUIRE_SERVERS: _, ...inherited } = process.env
  const child = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    cwd: folder,
    env: { ...inherited, ...env },
  })
  return { status: child.status, lastLine: child.stdout.trimEnd().split('\n').at(-1) }
}

describe('the last line of a test run', () => {
  const mixed = "it('a', () => {})\nit.skip('b', () => {})\n"

  it('counts passed, failed and skipped tests', () => {
    const run1 = run(`${mixed}it('c', () => { expect(1).toBe(2) })\n`)
    expect(run1).toEqual({ status: 1, lastLine: '1 passed, 1 failed, 1 skipped' })
  })

  it('counts a file that does not load as a failure', () => {
    expect(run("throw new Error('no')\n")).toEqual({ status: 1, lastLine: '0 passed, 1 failed, 0 skipped' })
  })

  it('counts an unhandled rejection as a failure', () => {
    const rejecting = "it('a', () => { void Promise.reject(new Error('no')) })\n"
    expect(run(rejecting)).toEqual({ status: 1, lastLine: '1 passed, 1 failed, 0 skipped' })
  })

  it('a skip fails the run where all servers are required, and only there', () => {
    expect(run(mixed)).toEqual({ status: 0, lastLine: '1 passed, 0 failed, 1 skipped' })
    const required = run(mixed, { MANDATE_REQUIRE_SERVERS: 'all' })
    expect(required).toEqual({ status: 1, lastLine: '1 passed, 0 failed, 1 skipped' })
  })
})
