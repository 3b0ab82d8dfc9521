/** Curator's and kazoo's own candidates as children of a test, and what they told. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { classPath } from '../../../scripts/servers/zookeeper.mjs'
import { monotonicMs } from '../../chaos/candidate-process.ts'
import type { Tenure } from '../../chaos/oracle.ts'
import { eventually } from '../../integration/loopback.ts'
import { programOf, requiredServer } from '../required-server.ts'

export type NativeRecipe = 'latch' | 'selector' | 'kazoo'

/** `at`: ms of CLOCK_MONOTONIC, which all processes of one machine share. */
interface Line {
  readonly is: 'led' | 'lost' | 'who'
  readonly at: number
  readonly text: string
}

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))

/** Compiles what is Java, once. */
export class NativePeers {
  readonly #folder: string
  readonly #server = requiredServer('zookeeper')

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'mandate-curator-'))
    execFileSync(programOf(this.#server, 'javac'), [
      ...['-cp', classPath(programOf(this.#server, 'jars'), 'curator'), '-d', this.#folder],
      fixture('CuratorCandidate.java'),
    ])
  }

  start(recipe: NativeRecipe, args: readonly string[]): NativePeer {
    if (recipe === 'kazoo') {
      const env = { ...process.env, PYTHONPATH: programOf(this.#server, 'kazoo') }
      const program = programOf(this.#server, 'python')
      return new NativePeer(
        args[2] ?? '',
        spawn(program, [fixture('kazoo_candidate.py'), ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] }),
      )
    }
    const jars = `${this.#folder}${delimiter}${classPath(programOf(this.#server, 'jars'), 'curator')}`
    const flags = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', jars]
    return new NativePeer(
      args[2] ?? '',
      spawn(programOf(this.#server, 'java'), [...flags, 'CuratorCandidate', ...args, recipe], {
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    )
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

export class NativePeer {
  readonly id: string
  readonly lines: Line[] = []
  readonly ended: Promise<void>
  stderr = ''
  readonly #child: ChildProcess
  #killedAt = Infinity

  constructor(id: string, child: ChildProcess) {
    this.id = id
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    child.stdin?.on('error', () => undefined)
    if (child.stdout === null) throw new Error('pipes were asked for')
    createInterface({ input: child.stdout }).on('line', (line) => this.lines.push(JSON.parse(line) as Line))
    this.ended = new Promise((resolve) => child.once('close', () => resolve()))
  }

  get leads(): boolean {
    return this.lines.findLast(({ is }) => is !== 'who')?.is === 'led'
  }

  async leadership(since = 0): Promise<Line> {
    return eventually(`${this.id} to lead`, () =>
      this.lines.find(({ is, at }) => is === 'led' && at >= since),
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${JSON.stringify(this.lines)}\n${this.stderr}`, { cause: error })
    })
  }

  /** Who leads, by its own recipe. */
  async who(): Promise<string> {
    const asked = monotonicMs()
    this.order('who')
    return (await eventually('an answer', () => this.lines.find(({ is, at }) => is === 'who' && at >= asked)))
      .text
  }

  order(order: 'resign' | 'who' | 'close'): void {
    this.#child.stdin?.write(`${order}\n`)
  }

  /** A dead process believes nothing. */
  kill(): void {
    this.#killedAt = monotonicMs()
    this.#child.kill('SIGKILL')
  }

  /** From what it told: each time from `led` to the next `lost`. */
  tenures(): Tenure[] {
    const told = this.lines.filter(({ is }) => is !== 'who')
    return told.flatMap(({ is, at }, index): Tenure[] => {
      if (is !== 'led') return []
      const until = Math.min(told[index + 1]?.at ?? Infinity, this.#killedAt, monotonicMs())
      return [{ pid: this.#child.pid ?? -1, id: this.id, from: at, until }]
    })
  }
}
