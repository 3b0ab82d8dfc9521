import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Mandate, until } from './processes.ts'

let folder = ''
const running: Mandate[] = []
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'mandate-simulate-'))))
afterEach(async () => {
  for (const one of running.splice(0)) {
    one.kill('SIGKILL')
    await one.ended
  }
  rmSync(folder, { recursive: true })
})

function simulate(...args: string[]): Mandate {
  const started = new Mandate(['simulate', ...args], {}, folder)
  running.push(started)
  return started
}

async function answerOf(...args: string[]): Promise<Record<string, unknown>> {
  const run = simulate(...args, '--json')
  expect({ code: await run.ended, stderr: run.stderr }).toMatchObject({ code: 0 })
  return JSON.parse(run.stdout) as Record<string, unknown>
}

const little = ['--seeds', '3', '--simulated', '5s', '--peers', '3', '--faults', 'network,process']

test('the same seeds give the same answer on one worker and on two, with every key of the contract', async () => {
  const one = await answerOf(...little, '--workers', '1')
  const two = await answerOf(...little, '--workers', '2')
  expect(one).toMatchObject({
    schemaVersion: 1,
    command: 'simulate',
    protocol: 'raft',
    seeds: 3,
    firstSeed: '1',
    peers: [3, 3],
    faults: ['network', 'process'],
    simulatedMs: 15_000,
    violations: [],
  })
  for (const key of ['wallMs', 'speed', 'elections', 'events', 'modes', 'injected', 'checked'])
    expect(one).toHaveProperty(key)
  const { wallMs: _, speed: __, workers: ___, ...same } = one
  expect(two).toMatchObject(same)
  expect(await answerOf(...little, '--first-seed', '2')).not.toMatchObject({ traceHash: one['traceHash'] })
}, 180_000)

test('--level core runs the same seeds with the cores alone, with the same keys', async () => {
  const core = await answerOf(...little, '--level', 'core')
  expect(core).toMatchObject({
    protocol: 'raft',
    level: 'core',
    seeds: 3,
    simulatedMs: 15_000,
    violations: [],
  })
  for (const claim of ['election-safety', 'log-matching', 'exclusivity'])
    expect((core['checked'] as Record<string, number>)[claim], claim).toBeGreaterThan(0)
  const full = await answerOf(...little)
  expect(Object.keys(core).toSorted()).toEqual(Object.keys(full).toSorted())
  expect(core['traceHash']).not.toBe(full['traceHash'])
}, 180_000)

test('a record is gone on with: in two parts the same totals as in one', async () => {
  const file = join(folder, 'record.ndjson')
  const whole = await answerOf(...little)
  const first = await answerOf(...little.with(1, '1'), '--record', file)
  expect(first).toMatchObject({ seeds: 1 })
  const second = await answerOf(...little.with(1, '2'), '--record', file)
  expect(second).toMatchObject({ seeds: 3, traceHash: whole['traceHash'], elections: whole['elections'] })
  const other = simulate(...little.with(3, '6s'), '--record', file)
  expect(await other.ended).toBe(78)
  expect(other.stderr).toContain('name another file')
}, 180_000)

test('Ctrl-C prints what was done', async () => {
  const run = simulate(
    '--wall',
    '10m',
    '--simulated',
    '2s',
    '--peers',
    '3',
    '--faults',
    'none',
    '--record',
    'storm.ndjson',
  )
  const file = join(folder, 'storm.ndjson')
  await until(
    () => existsSync(file) && readFileSync(file, 'utf8').includes('\n'),
    'the first record',
    () => run.stderr,
  )
  run.kill('SIGINT')
  expect(await run.ended).toBe(130)
  expect(run.stdout).toMatch(/^simulated [\d.]+ days in \d+ seeds from 1, .* 0 violations/)
}, 180_000)

test('wrong flags end with 78 and name every problem', async () => {
  const wrong = simulate('--seeds', '0', '--faults', 'rain')
  expect(await wrong.ended).toBe(78)
  expect(wrong.stderr).toContain('--seeds')
  expect(wrong.stderr).toContain('--faults')
  const unwritable = simulate('--record', '/no/such/folder/x')
  expect(await unwritable.ended).toBe(78)
  expect(unwritable.stderr).toContain('--record: /no/such/folder/x cannot be written')
})

test.each(['paxos', 'bully'])(
  '%s runs in both worlds, with the claims that are its own',
  async (protocol) => {
    const full = await answerOf(...little, '--protocol', protocol)
    expect(full).toMatchObject({ protocol, level: 'full', seeds: 3, raftElections: 0, violations: [] })
    const checked = full['checked'] as Record<string, number>
    expect(checked['exclusivity']).toBeGreaterThan(0)
    expect(checked).not.toHaveProperty('log-matching')
    const core = await answerOf(...little, '--protocol', protocol, '--level', 'core')
    expect(core).toMatchObject({ protocol, level: 'core', seeds: 3, violations: [] })
  },
  180_000,
)
