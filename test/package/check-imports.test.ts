import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  checkImports,
  checkRepositoryImports,
  importsOf,
  ROOMS,
  roomOf,
} from '../../scripts/check-imports.mjs'

/** Checks a small tree, given as path below src/ to text. */
const check = (tree: Record<string, string>): string[] => checkImports(new Map(Object.entries(tree)))

/** A tree of one file that imports another one. */
const importing = (from: string, to: string): Record<string, string> => {
  const up = '../'.repeat(from.split('/').length - 1) || './'
  return { [from]: `import type { X } from '${up}${to}'\n`, [to]: 'export type X = 1\n' }
}

describe('the import checker lets pass', () => {
  it.each([
    ['errors.ts', 'seams/clock.ts', 'no'],
    ['seams/clock.ts', 'errors.ts', 'yes'],
    ['protocols/raft/step.ts', 'registry/apply.ts', 'yes'],
    ['protocols/raft/step.ts', 'protocols/quorum/count.ts', 'yes'],
    ['protocols/raft/step.ts', 'fencing/guard.ts', 'no'],
    ['protocols/raft/step.ts', 'observability/channels.ts', 'no'],
    ['protocols/raft/step.ts', 'system/clock.ts', 'no'],
    ['lease/deadline.ts', 'cluster/driver.ts', 'no'],
    ['cluster/driver.ts', 'protocols/raft/step.ts', 'yes'],
    ['cluster/driver.ts', 'system/clock.ts', 'no'],
    ['cluster/tcp.ts', 'system/clock.ts', 'yes'],
    ['cluster/driver.ts', 'backends/backend.ts', 'no'],
    ['backends/raft.ts', 'cluster/driver.ts', 'yes'],
    ['backends/raft.ts', 'election/election.ts', 'no'],
    ['election/lead.ts', 'backends/backend.ts', 'yes'],
    ['election/lead.ts', 'backends/raft.ts', 'no'],
    ['election/lead.ts', 'cluster/driver.ts', 'no'],
    ['election/lead.ts', 'observability/metrics.ts', 'no'],
    ['observability/metrics.ts', 'election/lead.ts', 'yes'],
    ['index.ts', 'system/clock.ts', 'yes'],
    ['index.ts', 'simulator/run.ts', 'no'],
    ['cli/main.ts', 'simulator/run.ts', 'yes'],
    ['cluster/driver.test.ts', 'simulator/run.ts', 'yes'],
    ['simulator/run.ts', 'cluster/driver.ts', 'yes'],
    ['backends/raft.ts', 'testing/index.ts', 'no'],
  ])('%s importing %s: %s', (from, to, allowed) => {
    expect(check(importing(from, to)).length === 0 ? 'yes' : 'no').toBe(allowed)
  })

  it.each([
    ['protocols/raft/step.ts', 'node:crypto', 'no'],
    ['cluster/driver.ts', 'node:net', 'no'],
    ['cluster/session.ts', 'node:timers', 'no'],
    ['cluster/tcp.ts', 'node:net', 'yes'],
    ['cluster/log/segment.ts', 'node:fs', 'yes'],
    ['cluster/append.worker.ts', 'node:worker_threads', 'yes'],
    ['cluster/tcp.ts', 'ws', 'no'],
    ['election/lead.ts', 'yaml', 'no'],
    ['cli/main.ts', 'commander', 'yes'],
    ['seams/clock.ts', 'node:perf_hooks', 'no'],
  ])('%s importing the module %s: %s', (from, specifier, allowed) => {
    const problems = check({ [from]: `import x from '${specifier}'\n` })
    expect(problems.length === 0 ? 'yes' : 'no').toBe(allowed)
  })
})

describe('the import checker finds', () => {
  it('a cycle, also one of types only and over three files', () => {
    expect(
      check({
        'lease/a.ts': "import { b } from './b.ts'\n",
        'lease/b.ts': "export type { C } from './c.ts'\n",
        'lease/c.ts': "import type {\n  A,\n} from './a.ts'\n",
      }),
    ).toEqual(['cycle: lease/a.ts -> lease/b.ts -> lease/c.ts -> lease/a.ts'])
  })

  it('a file in a folder that the table of rooms does not know', () => {
    expect(check({ 'shared/thing.ts': '' })).toEqual([expect.stringContaining('belongs to no room')])
  })

  it('an import without .ts, of a missing file, of a test and from outside of src', () => {
    expect(
      check({
        'lease/a.ts': "import './b.js'\nimport './c.ts'\nimport './d.test.ts'\nimport '../../bench/e.ts'\n",
        'lease/b.ts': '',
        'lease/d.test.ts': '',
      }),
    ).toHaveLength(4)
  })

  it('imports in every form, and not those in comments', () => {
    const { specifiers, unread } = importsOf(
      [
        "// import '1'",
        "/** import '2' */",
        "import '3'",
        "import four from '4'",
        "import {\n  type five,\n} from '5'",
        "export * from '6'",
        "const seven = await import('7')",
        "type Eight = import('8').Eight",
        'const from = x ? `a` : "from b"',
      ].join('\n'),
    )
    expect(new Set(specifiers)).toEqual(new Set(['3', '4', '5', '6', '7', '8']))
    expect(unread).toEqual([])
  })

  it('an import that it cannot read', () => {
    expect(check({ 'cli/main.ts': 'await import(name)\n' })).toEqual([
      expect.stringContaining('cannot be read'),
    ])
  })
})

describe('the rule over the whole repository', () => {
  it('fails for a tree that is empty and for one that breaks a rule', () => {
    const root = mkdtempSync(join(tmpdir(), 'mandate-imports-'))
    try {
      mkdirSync(join(root, 'src'))
      expect(checkRepositoryImports(root)).toHaveLength(1)
      for (const [path, text] of Object.entries(importing('protocols/a.ts', 'cluster/tcp.ts'))) {
        mkdirSync(dirname(join(root, 'src', path)), { recursive: true })
        writeFileSync(join(root, 'src', path), text)
      }
      expect(checkRepositoryImports(root)).toEqual([
        'protocols/a.ts: protocols must not import cluster (cluster/tcp.ts)',
      ])
    } finally {
      rmSync(root, { recursive: true })
    }
  })

  it('knows every room by a path in it', () => {
    const paths = Object.keys(ROOMS).map((room) => {
      if (room === 'index' || room === 'errors') return `${room}.ts`
      return room === 'channels' || room === 'metrics' ? `observability/${room}.ts` : `${room}/x.ts`
    })
    expect(paths.map((path) => roomOf(path))).toEqual(Object.keys(ROOMS))
  })
})
