import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Mandate, until } from './processes.ts'

let folder = ''
const running: Mandate[] = []
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'mandate-compare-test-'))))
afterEach(async () => {
  for (const one of running.splice(0)) {
    one.kill('SIGKILL')
    await one.ended
  }
  rmSync(folder, { recursive: true })
})

/** Its temporary files lie in `folder`. */
function compare(...args: string[]): Mandate {
  const started = new Mandate(['compare', ...args], { TMPDIR: folder }, folder)
  running.push(started)
  return started
}

test('an engine fails over as real processes, and nothing of them is left', async () => {
  const run = compare('--environment', 'processes', '--engine', 'paxos', '--trials', '1', '--json')
  expect({ code: await run.ended, stderr: run.stderr }).toEqual({ code: 0, stderr: '' })
  const answer = JSON.parse(run.stdout) as { readonly rows: readonly Record<string, unknown>[] }
  expect(answer).toMatchObject({ schemaVersion: 1, command: 'compare', seed: '1' })
  const once = { n: 1, min: expect.any(Number), p99: expect.any(Number) }
  const rows = ['time', 'token'].map((exclusivity) => ({
    ...{ engine: 'paxos', exclusivity, environment: 'processes', peers: 3 },
    failoverMs: { crash: once, silentPartition: once, gracefulStop: once },
  }))
  expect(answer.rows).toMatchObject(rows)
  for (const row of answer.rows) {
    const { messages, bytes } = row['idlePerSecond'] as Record<string, number>
    expect(messages).toBeGreaterThan(0)
    expect(bytes).toBeGreaterThan(messages ?? 0)
    expect(row['electionsPerHourAtLoss10']).toBeGreaterThanOrEqual(0)
    if (row['exclusivity'] === 'time') expect(row['twoBelieversMs']).toEqual({ total: 0, max: 0 })
  }
  expect(readdirSync(folder)).toEqual([])
})

test('a comparison that is interrupted ends its processes and removes their folder', async () => {
  const run = compare('--environment', 'processes')
  await until(
    () => readdirSync(folder).some((cluster) => readdirSync(join(folder, cluster)).length > 0),
    'a peer that has begun its folder',
    () => run.stderr,
  )
  run.kill('SIGTERM')
  expect(await run.ended).toBe(143)
  expect(run.stderr).toContain('interrupted by SIGTERM')
  expect(readdirSync(folder)).toEqual([])
})

test('an environment or engine that does not exist is refused with those that do', async () => {
  const run = compare('--environment', 'cloud', '--engine', 'zab')
  expect(await run.ended).toBe(78)
  expect(run.stderr).toContain("'cloud' is no choice: write one of simulator, processes, both")
  expect(run.stderr).toContain("'zab' is no choice: write one of raft, paxos, bully, all")
})
