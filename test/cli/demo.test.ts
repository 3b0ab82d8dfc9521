/** `mandate demo` as a user starts it: the story, the object it prints, and that nothing of it ever stays. */
import { createServer } from 'node:net'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ClusterOptions, DemoCluster } from '../../src/cli/demo/cluster.ts'
import type { EventLog } from '../../src/cli/demo/event-log.ts'
import type { DemoResult, Step } from '../../src/cli/demo/result.ts'
import { resolveTiming } from '../../src/lease/timing.ts'
import { nothingStays, processesOfTheDemo, titleOf } from './demo-leftovers.ts'
import { isRunning, Stage, until } from './processes.ts'

let stage: Stage
/** Everything of the demo is under it, and everything it starts has it in its environment. */
let temporary: string

beforeEach(() => {
  stage = new Stage()
  temporary = join(stage.folder, 'tmp')
  mkdirSync(temporary)
})
afterEach(async () => {
  for (const pid of processesOfTheDemo(temporary)) stage.track(pid)
  await stage.close()
})

interface RawEvent {
  readonly at: number
  readonly pid: number
  readonly id: string
  readonly event: string
  readonly token: string | null
  readonly signal?: string
  readonly valid?: { readonly from: number; readonly until: number } | null
}

const rawFile = (): string => join(stage.folder, 'raw.ndjson')

function rawEvents(): RawEvent[] {
  if (!existsSync(rawFile())) return []
  const lines = readFileSync(rawFile(), 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as RawEvent)
}

const demo = (...flags: string[]) => stage.start(['demo', ...flags], { TMPDIR: temporary })
const finish = (...flags: string[]) => stage.finish(['demo', ...flags], { TMPDIR: temporary })

describe('the story', () => {
  it('is played in both modes, measured, and printed as one object; nothing stays', async () => {
    const { code, stdout, stderr } = await finish('--json', '--raw', rawFile())
    expect({ code, stderr, failed: stepsOf(stdout).filter(({ ok }) => !ok) }).toEqual({
      code: 0,
      stderr: '',
      failed: [],
    })
    const result = JSON.parse(stdout) as DemoResult
    expect(result).toEqual({
      schemaVersion: 1,
      command: 'demo',
      version: expect.any(String) as string,
      ok: true,
      wallMs: expect.any(Number) as number,
      exclusivity: 'both',
      peers: 3,
      timing: { ...resolveTiming('fast') },
      steps: expect.any(Array) as Step[],
      tokens: expect.any(Array) as string[],
      ledger: { lines: expect.any(Number) as number, duplicates: 0, gaps: 0, refused: 2 },
      overlapMs: 0,
      staleWriteRefused: true,
      leftover: 0,
    })
    const names = ['elect', 'kill', 'restart', 'resign', 'pause', 'resume', 'stale-write']
    expect(result.steps.map(({ step, exclusivity }) => `${exclusivity} ${step}`)).toEqual(
      ['time', 'token'].flatMap((mode) => names.map((name) => `${mode} ${name}`)),
    )
    for (const step of result.steps) expectShape(step)
    await nothingStays(temporary)
    expectRawToAgree(result, rawEvents())
  })

  it('is told to people line by line, and ends with the count', async () => {
    const { code, stdout } = await finish('--exclusivity', 'token', '--peers', '5')
    expect(code).toBe(0)
    expect(stdout).toContain('5 peers')
    expect(stdout).not.toContain('\u001b')
    expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^\d+ lines, 0 duplicates, 0 gaps, 1 refused$/)
    await nothingStays(temporary)
  })
})

function stepsOf(stdout: string): readonly Step[] {
  return stdout === '' ? [] : (JSON.parse(stdout) as DemoResult).steps
}

function expectShape(step: Step): void {
  const takesOver = ['kill', 'resign', 'pause'].includes(step.step)
  expect(Object.keys(step).toSorted()).toEqual(
    ['step', 'exclusivity', 'from', 'to', 'fromToken', 'toToken', 'failoverMs', 'ok', 'detail'].toSorted(),
  )
  expect({ step: step.step, measured: step.failoverMs !== null }).toEqual({
    step: step.step,
    measured: takesOver,
  })
  if (!takesOver) return
  expect(step.failoverMs).toBeGreaterThan(0)
  expect(step.from).not.toBe(step.to)
  expect(BigInt(step.toToken ?? 0)).toBeGreaterThan(BigInt(step.fromToken ?? 0))
}

/** Everything once more, by code that shares nothing with the demo. */
function expectRawToAgree(result: DemoResult, events: readonly RawEvent[]): void {
  const leads = events.filter(({ event }) => event === 'leads')
  expect(leads.map(({ token }) => token)).toEqual(result.tokens)
  expect(result.tokens).toEqual(result.tokens.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)))
  for (const { step, fromToken, toToken, failoverMs } of result.steps) {
    if (step !== 'kill' && step !== 'pause') continue
    const signal = step === 'kill' ? 'SIGKILL' : 'SIGSTOP'
    const sent = events.find((event) => event.signal === signal && event.token === fromToken)
    const led = leads.find(({ token }) => token === toToken)
    expect((led?.at ?? 0) - (sent?.at ?? 0)).toBeCloseTo(failoverMs ?? 0, 2)
  }
  // In time mode: no instant of one leadership's belief within another's.
  const tokens = new Set(
    result.steps.filter(({ exclusivity }) => exclusivity === 'token').map((s) => s.toToken),
  )
  const firstOfTokenMode = leads.find(({ token }) => tokens.has(token))?.at ?? 0
  const timed = events.filter(
    ({ at, valid }) => at < firstOfTokenMode && valid !== undefined && valid !== null,
  )
  expect(timed.length).toBeGreaterThan(10)
  for (const one of timed) {
    for (const other of timed) {
      if (one.pid === other.pid || one.valid === null || other.valid === null) continue
      const [a, b] = [one.valid!, other.valid!]
      expect(Math.min(a.until, b.until) - Math.max(a.from, b.from)).toBeLessThanOrEqual(0)
    }
  }
}

describe('whatever ends the demo ends all that it started', () => {
  // Moments from before the reaper runs until the second half of the story.
  it.each([0, 60, 150, 400, 1100, 2500].map((base) => Math.round(base * (0.75 + Math.random() / 2))))(
    'kill -9 after %d ms',
    async (afterMs) => {
      const run = demo('--json', '--raw', rawFile())
      await new Promise((resolve) => setTimeout(resolve, afterMs))
      run.kill('SIGKILL')
      await run.ended
      await nothingStays(temporary)
    },
  )

  it('kill -9 while a peer is stopped', async () => {
    const run = demo('--json', '--raw', rawFile(), '--exclusivity', 'time', '--timing', 'default')
    const stopped = () => rawEvents().find(({ signal }) => signal === 'SIGSTOP')
    await until(
      () => stopped() !== undefined,
      'a stopped peer',
      () => run.stderr,
    )
    const { pid = 0 } = stopped() ?? {}
    await until(() => stateOf(pid) === 'T', 'the stop itself')
    run.kill('SIGKILL')
    await run.ended
    await nothingStays(temporary)
    expect(isRunning(pid)).toBe(false)
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s, with exit code %d', async (signal, code) => {
    const run = demo('--raw', rawFile())
    await until(
      () => rawEvents().some(({ event }) => event === 'leads'),
      'a leader',
      () => run.stderr,
    )
    run.kill(signal)
    expect(await run.ended).toBe(code)
    expect(processesOfTheDemo(temporary)).toEqual([])
    await nothingStays(temporary)
  })

  it('a reader that goes away', async () => {
    const run = demo('--raw', rawFile())
    await until(
      () => run.stdout !== '',
      'the first line',
      () => run.stderr,
    )
    run.process.stdout?.destroy()
    expect(await run.ended).toBe(141)
    await nothingStays(temporary)
  })

  it('the death of its reaper', async () => {
    const run = demo('--json', '--raw', rawFile())
    await until(
      () => rawEvents().some(({ event }) => event === 'leads'),
      'a leader',
      () => run.stderr,
    )
    const reaper = processesOfTheDemo(temporary).find((pid) => titleOf(pid).startsWith('mandate demo reaper'))
    if (reaper !== undefined) process.kill(reaper, 'SIGKILL')
    else run.kill('SIGTERM')
    expect(await run.ended).not.toBe(0)
    await nothingStays(temporary)
  })
})

function stateOf(pid: number): string {
  if (process.platform !== 'linux') return 'T'
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
}

describe('a machine that does not allow it', () => {
  it('a temporary folder that cannot be made: says where, and what to do', async () => {
    const missing = join(stage.folder, 'missing')
    const { code, stdout, stderr } = await stage.finish(['demo', '--json'], { TMPDIR: missing })
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' })
    expect(stderr).toContain(missing)
    expect(stderr).toContain('set TMPDIR')
  })

  it('choices that do not exist and a raw file that cannot be written: names them', async () => {
    const wrong = await finish('--exclusivity', 'none', '--peers', '4')
    expect(wrong.code).toBe(78)
    expect(wrong.stderr).toContain("--exclusivity: 'none'")
    expect(wrong.stderr).toContain("--peers: '4'")
    const raw = await finish('--raw', join(stage.folder, 'missing', 'raw.ndjson'))
    expect(raw.code).toBe(78)
    expect(raw.stderr).toContain('--raw')
  })

  it('a port taken between the choice and the listening: chooses again', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { readonly port: number }
    const built = (file: string): Promise<unknown> =>
      import(fileURLToPath(new URL(`../../dist/cli/demo/${file}.js`, import.meta.url)))
    const { DemoCluster: Cluster } = (await built('cluster')) as { DemoCluster: typeof DemoCluster }
    const { EventLog: Log } = (await built('event-log')) as { EventLog: typeof EventLog }
    const { freePorts } = (await built('ports')) as { freePorts: (count: number) => Promise<number[]> }
    const picks: number[] = []
    const options: ClusterOptions = {
      ids: ['a', 'b', 'c'],
      timing: resolveTiming('fast'),
      restarts: 0,
      log: new Log(undefined),
      stop: new AbortController().signal,
      pickPorts: async (count) => {
        const free = await freePorts(count)
        if (picks.push(count) === 1) free[1] = port
        return free
      },
    }
    const cluster = await Cluster.start(options)
    expect(picks).toHaveLength(2)
    expect(Object.values(cluster.peers)).not.toContain(`127.0.0.1:${port}`)
    await cluster.end()
    expect(existsSync(cluster.folder)).toBe(false)
    expect(cluster.pids.filter(isRunning)).toEqual([])
    taken.close()
  })
})
