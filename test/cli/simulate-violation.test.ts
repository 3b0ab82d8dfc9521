/** The way of a violation through the command, end to end: a bug is planted in a copy of the program, and its seeds find it. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneRoot, readMutants } from '../../src/simulator/mutants/catalogue.ts'
import { openWorkshop } from '../../src/simulator/mutants/workshop.ts'

const bug = 'vote-not-written'
const claim = 'durable-before-told'

let scratch = ''
let main = ''

beforeAll(async () => {
  const root = cloneRoot()
  mkdirSync(join(root, '.cache'), { recursive: true })
  scratch = mkdtempSync(join(root, '.cache/violation-'))
  const mutants = (await readMutants(root, scratch)).filter(({ name }) => name === bug)
  const workshop = await openWorkshop(root, scratch, mutants, join(root, 'dist'))
  main = join(workshop.build(mutants[0] as (typeof mutants)[0]), 'cli/main.js')
}, 120_000)

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function simulate(args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, 'simulate', ...args], { cwd: scratch, encoding: 'utf8' })
}

interface Answer {
  readonly seeds: number
  readonly violations: readonly {
    readonly invariant: string
    readonly seed: string
    readonly atMs: number
    readonly repeat: string
    readonly events: readonly string[]
  }[]
  readonly shrunk: { readonly actions: number; readonly kept: readonly unknown[]; readonly minimal: boolean }
}

const flags = ['--seeds', '20', '--simulated', '5s', '--peers', '3', '--faults', 'process', '--workers', '1']

test('a violation ends with 1, its seed, its events side by side, a shrunk schedule and a command that repeats it', () => {
  const found = simulate([...flags, '--json'])
  expect(found.status, found.stderr).toBe(1)
  const { seeds, violations, shrunk } = JSON.parse(found.stdout) as Answer
  const [violation] = violations
  if (violation === undefined) throw new Error(`no violation: ${found.stdout}`)
  expect(violation).toMatchObject({ invariant: claim, seed: String(seeds) })
  expect(violation.events.length).toBeGreaterThan(10)
  expect(shrunk.minimal).toBe(true)
  expect(shrunk.kept.length).toBeLessThan(shrunk.actions)

  expect(found.stderr).toContain(`VIOLATION of ${claim}, seed ${violation.seed}`)
  expect(found.stderr).toContain('3 peers, mode ')
  expect(found.stderr).toMatch(/^ms(?: +[cp]\d){2,}$/m)
  expect(found.stderr).toContain(`repeat: ${violation.repeat}`)
  expect(found.stderr).toContain(`shrunk: of ${shrunk.actions} actions ${shrunk.kept.length} still break`)

  const [program, command, ...words] = violation.repeat.split(' ')
  expect([program, command]).toEqual(['mandate', 'simulate'])
  const again = simulate([...words, '--workers', '1', '--json'])
  expect(again.status, again.stderr).toBe(1)
  const { atMs, events } = violation
  expect((JSON.parse(again.stdout) as Answer).violations).toMatchObject([
    { invariant: claim, seed: violation.seed, atMs, events },
  ])
}, 240_000)
