/** `fixtures/candidate.mjs` as a child of the test, what it told, and what a test does to it. Needs `npm run build`. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { eventually } from '../integration/loopback.ts'

const program = fileURLToPath(new URL('./fixtures/candidate.mjs', import.meta.url))

export interface BackendChoice {
  /** `mandate/etcd` */
  readonly module: string
  /** `etcd` */
  readonly factory: string
  /** As JSON can carry them. */
  readonly options: Readonly<Record<string, unknown>>
}

export interface CandidateOptions {
  readonly backend: BackendChoice
  readonly id: string
  readonly election: string
  readonly leaseMs?: number
  readonly metadata?: Readonly<Record<string, string>>
  /** How often it tells up to when it surely leads. @default 10 */
  readonly beatMs?: number
  /** Tells who leads, by `observe()`. @default false */
  readonly observes?: boolean
}

interface At {
  /** ms of CLOCK_MONOTONIC, as `monotonicMs()` gives it. */
  readonly at: number
}

export type Line =
  | (At & { readonly is: 'ready' | 'blocked' | 'unblocked' | 'closed' })
  | (At & { readonly is: 'led'; readonly token: string; readonly scope: string; readonly until: number })
  | (At & { readonly is: 'valid'; readonly token: string; readonly until: number })
  | (At & { readonly is: 'lost'; readonly token: string; readonly reason: string })
  | (At & {
      readonly is: 'observed'
      readonly type: 'led' | 'vacant' | 'unknown'
      readonly leader: string | null
      readonly token: string | null
    })
  | (At & { readonly is: 'refused'; readonly code: string | null; readonly message: string })
  | (At & {
      readonly is: 'failure'
      readonly during: string
      readonly code: string | null
      readonly message: string
    })

export class CandidateProcess {
  readonly id: string
  readonly lines: Line[] = []
  /** Resolves once all that it told was read. */
  readonly ended: Promise<number | NodeJS.Signals>
  stderr = ''
  readonly #process: ChildProcess

  constructor(options: CandidateOptions) {
    this.id = options.id
    const config = JSON.stringify({ beatMs: 10, observes: false, ...options })
    const child = spawn(process.execPath, [program, config], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#process = child
    child.stdin.on('error', () => undefined)
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    const read = createInterface({ input: child.stdout })
    read.on('line', (line) => this.lines.push(JSON.parse(line) as Line))
    const allRead = new Promise<void>((resolve) => read.once('close', resolve))
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => void allRead.then(() => resolve(signal ?? code ?? -1)))
    })
  }

  get pid(): number {
    return this.#process.pid ?? -1
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  stop(): void {
    this.kill('SIGSTOP')
  }

  cont(): void {
    this.kill('SIGCONT')
  }

  /** Gives up its leadership, and stands again. */
  resign(): void {
    this.#order('resign')
  }

  /** Resigns and ends. */
  close(): void {
    this.#order('close')
  }

  /** Its event loop does nothing else for so long. */
  block(ms: number): void {
    this.#order(`block ${ms}`)
  }

  told<Is extends Line['is']>(is: Is): Extract<Line, { is: Is }>[] {
    return this.lines.filter((line): line is Extract<Line, { is: Is }> => line.is === is)
  }

  /** The leadership it has now, by what it told last. */
  get leads(): Extract<Line, { is: 'led' }> | undefined {
    const led = this.told('led').at(-1)
    return led !== undefined && !this.told('lost').some(({ token }) => token === led.token) ? led : undefined
  }

  /** Its next leadership that began at `since` or later. */
  leadership(since = 0, withinMs = 30_000): Promise<Extract<Line, { is: 'led' }>> {
    return eventually(`${this.id} to lead`, () => this.told('led').find(({ at }) => at >= since), {
      withinMs,
    }).catch((error: unknown) => {
      const last = this.lines.slice(-5).map((line) => JSON.stringify(line))
      throw new Error(`${String(error)}; it told last:\n${last.join('\n')}\n${this.stderr}`, { cause: error })
    })
  }

  #order(order: string): void {
    this.#process.stdin?.write(`${order}\n`)
  }
}

/** What `at` of a `Line` would be now. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6
