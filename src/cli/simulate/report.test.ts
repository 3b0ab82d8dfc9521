import { describe, expect, it } from 'vitest'
import { exploreResult } from './explore.ts'
import { laneTable } from './lanes.ts'
import { simulateOptions, type SimulateOptions } from './options.ts'
import { progressLine } from './progress.ts'
import {
  neverChecked,
  resultOf,
  repeatCommand,
  shrunkReport,
  violationReport,
  violationsOf,
} from './result.ts'
import { noTotals, withSeed } from '../../simulator/sweep/totals.ts'
import type { SeedSummary } from '../../simulator/sweep/summary.ts'

const optionsOf = (
  flags: Record<string, string | boolean>,
  env: Record<string, string> = {},
): SimulateOptions =>
  simulateOptions({ flags, env, cwd: '/tmp', operands: [], wrapped: [], inbox: undefined })

describe('the flags of simulate', () => {
  it('have defaults, and variables', () => {
    expect(optionsOf({})).toMatchObject({
      what: 'seeds',
      seeds: 100,
      simulatedMs: 600_000,
      wallMs: null,
      firstSeed: 1n,
      peers: [3, 7],
      faults: ['all'],
      level: 'full',
    })
    expect(optionsOf({ level: 'core' }).level).toBe('core')
    expect(repeatCommand('3', optionsOf({ level: 'core' }))).toContain('simulate --level core --seeds 1')
    expect(optionsOf({ protocol: 'bully' }).level).toBe('full')
    const paxosCores = optionsOf({ protocol: 'paxos', level: 'core' })
    expect(repeatCommand('3', paxosCores)).toContain('simulate --protocol paxos --level core --seeds 1')
    expect(optionsOf({}, { MANDATE_FIRST_SEED: '9', MANDATE_FAULTS: 'none' })).toMatchObject({
      firstSeed: 9n,
      faults: ['none'],
    })
    expect(optionsOf({ firstSeed: '8' }, { MANDATE_FIRST_SEED: '9' }).firstSeed).toBe(8n)
  })

  it('know no number of seeds where the wall clock decides', () => {
    expect(optionsOf({ wall: '8m' })).toMatchObject({ seeds: null, wallMs: 480_000 })
    expect(optionsOf({ wall: '8m', seeds: '5' })).toMatchObject({ seeds: 5, wallMs: 480_000 })
  })

  it('leave the number of seeds for planted bugs to whoever scores them', () => {
    expect(optionsOf({ mutants: true })).toMatchObject({ what: 'mutants', seeds: null })
  })

  it('are refused with every problem at once', () => {
    const wrong = {
      seeds: '0',
      simulated: '10',
      peers: '7-3',
      faults: 'rain',
      workers: 'x',
      firstSeed: '-1',
      level: 'half',
    }
    for (const flag of [
      '--seeds',
      '--simulated',
      '--peers',
      '--faults',
      '--workers',
      '--first-seed',
      '--level',
    ]) {
      expect(() => optionsOf(wrong)).toThrow(flag)
    }
    expect(() => optionsOf({ faults: 'none,disk' })).toThrow(/none and for some/)
    expect(() => optionsOf({ explore: true, mutants: true })).toThrow(/one of them/)
    expect(() => optionsOf({ protocol: 'paxos', explore: true })).toThrow(/leave out --explore/)
    expect(() => optionsOf({ protocol: 'zab' })).toThrow(/write one of raft, paxos, bully/)
  })
})

const broken: SeedSummary = {
  seed: '42',
  mode: 'liveness',
  peers: 3,
  simulatedMs: 5000,
  elections: 2,
  raftElections: 1,
  events: 10,
  injected: { crash: 1 },
  checked: { 'token-unique': 3, 'core-is-led': 0 },
  traceHash: 'abc',
  violations: [
    {
      invariant: 'token-unique',
      atMs: 1234.5,
      message: 'token 7 twice',
      lines: [
        { atMs: 1, actor: 'p1', text: 'started' },
        {
          atMs: 2.5,
          actor: 'p2',
          text: 'elected attempt=1 token=7 valid=true and a text that is far too long for one column',
        },
        { atMs: 3, actor: '', text: 'ended' },
      ],
    },
  ],
}
const options = optionsOf({ faults: 'storm,disk', simulated: '90s', peers: '3' })

describe('a violation', () => {
  it('is told with its seed, its parameters, its events side by side and the exact command', () => {
    const report = violationReport(broken, broken.violations[0] as never, options)
    expect(report).toContain('VIOLATION of token-unique, seed 42')
    expect(report).toContain('3 peers, mode liveness, faults storm,disk, 90s simulated')
    expect(report).toContain(
      'repeat: mandate simulate --seeds 1 --first-seed 42 --simulated 90s --peers 3 --faults storm,disk',
    )
    const rows = laneTable(broken.violations[0]?.lines ?? []).split('\n')
    expect(rows[0]).toMatch(/^ms +world +p1 +p2$/)
    const [started, elected] = [rows[1] ?? '', rows[2] ?? '']
    expect(started.indexOf('started')).toBe(rows[0]?.indexOf('p1'))
    expect(elected.indexOf('elected')).toBe(rows[0]?.indexOf('p2'))
    // What is too long for its column goes on below, and nothing of it is lost.
    expect(rows.length).toBeGreaterThan(4)
    expect(rows.slice(2, -1).join(' ').replaceAll(/\s+/g, ' ')).toContain('one column')
  })

  it('is repeated by a command that means the same', () => {
    const words = repeatCommand('42', options).split(' ').slice(2)
    const flags = Object.fromEntries(
      words.flatMap((word, place) =>
        word.startsWith('--')
          ? [[word.slice(2).replace('first-seed', 'firstSeed'), words[place + 1] ?? '']]
          : [],
      ),
    )
    expect(optionsOf(flags)).toMatchObject({
      seeds: 1,
      firstSeed: 42n,
      simulatedMs: 90_000,
      peers: [3, 3],
      faults: ['storm', 'disk'],
    })
  })

  it('is in the JSON with its events as text', () => {
    expect(violationsOf(broken, options)).toMatchObject([
      {
        invariant: 'token-unique',
        seed: '42',
        atMs: 1234.5,
        events: ['1.000 p1: started', expect.stringContaining('2.500 p2: elected'), '3.000 world: ended'],
      },
    ])
  })

  it('comes with the actions that are left of its schedule', () => {
    const violation = broken.violations[0] as never
    const shrunk = {
      seed: '42',
      invariant: 'token-unique',
      actions: 90,
      kept: [{ atMs: 7, actor: 'p1', text: 'crash' }],
      runs: 12,
      minimal: true,
      violation,
    }
    expect(shrunkReport(shrunk)).toContain(
      'of 90 actions 1 still break token-unique, each of which is needed (12 runs)',
    )
    expect(shrunkReport(shrunk)).toContain('7.000 p1: crash')
    expect(shrunkReport({ ...shrunk, kept: [], minimal: false })).toContain('it happens by itself')
  })
})

it('the result names the speed, and what was never put to the test over a simulated day', () => {
  const totals = withSeed(noTotals, { ...broken, simulatedMs: 86_400_000 })
  const found = { firstSeed: '42', wallMs: 1000, violations: [], shrunk: null }
  const result = resultOf(options, totals, found)
  expect(result).toMatchObject({ seeds: 1, speed: 86_400, peers: [3, 3], modes: { safety: 0, liveness: 1 } })
  expect(neverChecked(result)).toEqual(['core-is-led'])
  expect(neverChecked({ ...result, simulatedMs: 1000 })).toEqual([])
  expect(neverChecked({ ...result, faults: ['network'] })).toEqual([])
})

it('an exploration is complete only if every model is', () => {
  const one = {
    model: 'raft',
    bounds: { peers: 3, terms: 2, messages: 14, crashes: 1 },
    states: 10,
    transitions: 20,
    depth: 5,
    complete: true,
    wallMs: 1,
    checked: {},
    counterexample: null,
  }
  expect(exploreResult([one], ['raft'], 5)).toMatchObject({
    model: 'raft',
    states: 10,
    complete: true,
    violations: [],
  })
  expect(exploreResult([one], ['raft', 'support'], 5).complete).toBe(false)
  const counterexample = {
    invariant: 'election-safety',
    message: 'two',
    steps: [{ actor: 'a', text: 'timer election' }],
  }
  expect(exploreResult([{ ...one, complete: false, counterexample }], ['raft'], 5)).toMatchObject({
    complete: false,
    violations: [{ invariant: 'election-safety', events: ['a: timer election'] }],
  })
})

it('the bar tells part, rate and time left', () => {
  expect(progressLine(0.5, 60_000, 'seed 7')).toBe('[############............] 50 % seed 7, 1m left')
  expect(progressLine(null, 60_000, 'seed 7')).toBe('seed 7')
})
