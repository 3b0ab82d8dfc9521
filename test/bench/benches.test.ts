/** The benches in their smallest form: what they print has the promised shape, and they judge what they measured. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const bench = (name: string): string => fileURLToPath(new URL(`../../bench/${name}.mjs`, import.meta.url))
let folder = ''

interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(name: string, ...args: string[]): Promise<Finished> {
  const child = spawn(process.execPath, [bench(name), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
}

/** Two trials take four seconds, unless the machine is busy. */
const patienceMs = 90_000

const anyNumber: unknown = expect.any(Number)
const timing = {
  heartbeatMs: anyNumber,
  electionTimeoutMs: [anyNumber, anyNumber],
  leaseMs: anyNumber,
  maxClockDrift: anyNumber,
  tickMs: anyNumber,
}
const samples = (n: number) => ({
  ...{ n, min: anyNumber, p50: anyNumber, p90: anyNumber, p99: anyNumber, max: anyNumber, mean: anyNumber },
})
const machine = {
  ...{ node: process.version, os: expect.any(String), cpu: expect.any(String) },
  ...{ cores: anyNumber, memoryMiB: anyNumber },
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-bench-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('bench:failover', () => {
  it(
    'prints a row with every promised field, and the records to compute it again',
    async () => {
      const raw = join(folder, 'raw.ndjson')
      const { code, stdout, stderr } = await run(
        ...(['failover', '--json', '--trials', '2', '--only', 'SIGKILL, time, fast', '--raw', raw] as const),
      )
      expect(code, stderr).toBe(0)
      const result = JSON.parse(stdout) as { rows: { label: string }[] }
      expect(result).toMatchObject({
        ...{ schemaVersion: 1, command: 'bench:failover', version: expect.any(String), machine },
        ...{ at: anyNumber, wallMs: anyNumber },
      })
      expect(result.rows.map(({ label }) => label)).toEqual(['SIGKILL, time, fast'])
      const [row] = result.rows
      expect(row).toMatchObject({
        ...{ backend: 'raft', kind: 'library', peers: 3, exclusivity: 'time', signal: 'SIGKILL', timing },
        ...{ trials: 2, completed: 2, victimLedRaft: anyNumber, failoverMs: samples(2) },
        ...{ rawMs: [anyNumber, anyNumber], overlapMs: 0, tokenRegressions: 0, fsyncMs: { n: anyNumber } },
        ...{ falseElections: null, quietMs: null, goal: { p50: 180, p99: 350, mean: null } },
      })
      expect(row).toHaveProperty('victimRssMiB')
      expect(row).toHaveProperty('met', expect.any(Boolean))

      const records = readFileSync(raw, 'utf8').trimEnd().split('\n')
      const parsed = records.map((line) => JSON.parse(line) as Record<string, unknown>)
      for (const record of parsed) {
        expect(record).toMatchObject({ at: anyNumber, pid: anyNumber, id: expect.any(String) })
        expect(record).toHaveProperty('event')
        expect(record).toHaveProperty('token')
      }
      expect(parsed.filter(({ event }) => event === 'SIGKILL').length).toBeGreaterThanOrEqual(2)
    },
    patienceMs,
  )

  it('names the rows when none was meant', async () => {
    const { code, stderr } = await run('failover', '--only', 'no such row')
    expect(code).toBe(64)
    expect(stderr).toContain('SIGKILL, token, fast')
  })
})

describe('bench:detection', () => {
  it(
    'judges what it saw in the simulator, and a seed repeats every figure',
    async () => {
      const args = ['--json', '--check', '--seed', '7', '--trials', '6', '--hours', '0.02', '--stalls', '1']
      const [one, other] = await Promise.all([run('detection', ...args), run('detection', ...args)])
      expect(one.code, one.stderr).toBe(0)
      const { wallMs, ...result } = JSON.parse(one.stdout) as { wallMs: number; rows: { tuning: string }[] }
      expect(wallMs).toBeGreaterThan(0)
      expect(result).toMatchObject({
        ...{ schemaVersion: 1, command: 'bench:detection', version: expect.any(String), seed: '7', timing },
        ...{ reduction: anyNumber, extraElections: 0, met: true },
      })
      for (const row of result.rows) {
        expect(row).toEqual({
          ...{ tuning: row.tuning, detectionMs: samples(6), electedMs: samples(6) },
          ...{ falseElections: 0, stalls: anyNumber, messagesPerSecond: anyNumber },
          electionsPerLeaderStall: expect.any(Object),
        })
      }
      expect({ ...(JSON.parse(other.stdout) as object), wallMs }).toEqual({ ...result, wallMs })
    },
    patienceMs,
  )
})

describe('bench:cost', () => {
  it(
    'prints every promised field',
    async () => {
      const { code, stdout, stderr } = await run('cost', '--json', '--quick')
      expect(code, stderr).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({
        ...{ schemaVersion: 1, command: 'bench:cost', version: expect.any(String), machine },
        ...{ isValidNs: anyNumber, isValidBytesPerCall: anyNumber, emptyMs: anyNumber, importMs: anyNumber },
        ...{ thirdPartyModules: [], idleCpuPercent: { leader: anyNumber, follower: anyNumber } },
        ...{ idleSeconds: anyNumber, rssMiB: anyNumber },
      })
    },
    patienceMs,
  )
})
