/** Starts `mandate` as a user would, and ends everything a test has started, and nothing else. */
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../../bin/mandate.js', import.meta.url))
export const job = fileURLToPath(new URL('./fixtures/job.mjs', import.meta.url))
const scriptedBackend = fileURLToPath(new URL('./fixtures/scripted-backend.mjs', import.meta.url))

export interface Line extends Record<string, unknown> {
  readonly event?: string
}

export class Mandate {
  readonly process: ChildProcess
  stdout = ''
  stderr = ''
  readonly ended: Promise<number | NodeJS.Signals>

  constructor(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string, through: readonly string[] = []) {
    const [file = '', ...rest] = [...through, process.execPath, bin, ...args]
    this.process = spawn(file, rest, {
      env: { PATH: process.env['PATH'], ...env },
      cwd,
    })
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.ended = new Promise((resolve) => {
      this.process.once('close', (code, signal) => resolve(signal ?? code ?? -1))
    })
  }

  get pid(): number {
    return this.process.pid ?? -1
  }

  /** False: it is gone. */
  kill(signal: NodeJS.Signals): boolean {
    return this.process.kill(signal)
  }

  /** What the wrapped command told on stdout. */
  told(event?: string): readonly Line[] {
    const lines = parseLines(this.stdout)
    return event === undefined ? lines : lines.filter((line) => line.event === event)
  }

  /** The NDJSON events of `run --log-format json`. */
  events(event?: string): readonly Line[] {
    const lines = parseLines(this.stderr)
    return event === undefined ? lines : lines.filter((line) => line.event === event)
  }

  /** The pid of the command's n-th life. */
  async commandPid(life = 1): Promise<number> {
    await until(
      () => this.told('start').length >= life,
      `life ${life} of the command`,
      () => this.stderr,
    )
    return Number(this.told('start')[life - 1]?.['pid'])
  }
}

/** One test's processes and files. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'mandate-cli-'))
  readonly #started: Mandate[] = []
  readonly #pids = new Set<number>()

  /** `through`: another program that starts it, such as `unshare`. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}, through: readonly string[] = []): Mandate {
    const mandate = new Mandate(args, env, this.folder, through)
    this.#started.push(mandate)
    return mandate
  }

  /** Runs to the end. */
  async finish(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const mandate = this.start(args, env)
    const code = await mandate.ended
    const lastLine = mandate.stderr.trimEnd().split('\n').at(-1) ?? ''
    return { code, stdout: mandate.stdout, stderr: mandate.stderr, lastLine }
  }

  /** A configuration file that names the scripted backend. */
  scripted(options: object): string {
    const path = join(this.folder, `scripted-${Math.random().toString(36).slice(2)}.json`)
    writeFileSync(path, JSON.stringify({ backend: { module: scriptedBackend, options } }))
    return path
  }

  /** A process that is not a child of the test, to be ended with it. */
  track(pid: number): number {
    this.#pids.add(pid)
    return pid
  }

  async close(): Promise<void> {
    let open = true
    const ended = Promise.all(this.#started.map((mandate) => mandate.ended)).then(() => (open = false))
    // Again and again: what was just being started may only tell its pid afterwards, and would keep the pipes open.
    while (open) {
      for (const mandate of this.#started) {
        for (const line of mandate.told('start')) this.track(Number(line['pid']))
        mandate.kill('SIGKILL')
        mandate.kill('SIGCONT')
      }
      for (const pid of this.#pids) if (isRunning(pid)) process.kill(pid, 'SIGKILL')
      await Promise.race([ended, new Promise<void>((resolve) => setTimeout(resolve, 50))])
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function parseLines(text: string): readonly Line[] {
  const complete = text.split('\n').slice(0, -1)
  return complete.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line)
}

/** False for a process that is dead, collected or not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    if (process.platform !== 'linux') return true
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

export function parentOf(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }))
}

export function childrenOf(pid: number): readonly number[] {
  try {
    const text = execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    return text.split('\n').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** Polls; generous, because the machine may be busy with other tests. */
export async function until(
  condition: () => boolean,
  what: string,
  context: () => string = () => '',
): Promise<void> {
  for (const end = performance.now() + 60_000; performance.now() < end;) {
    if (condition()) return
    await new Promise<void>((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`waited in vain for ${what}\n${context()}`)
}
