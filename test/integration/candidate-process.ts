/** `fixtures/candidate.mjs` as a child of the test, and what it told. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./fixtures/candidate.mjs', import.meta.url))

export interface Contest {
  readonly name: string
  readonly exclusivity: 'time' | 'token'
  /** Resigns after it, and stands again. Absent: leads on. */
  readonly holdMs?: number
  /** How often it works, which it tells. Absent: never. */
  readonly tickMs?: number
}

interface OfElection {
  readonly election: string
  readonly at: number
}

/** Instants are ms of CLOCK_MONOTONIC, which all processes of one machine share. */
export type Line =
  | { readonly is: 'ready'; readonly at: number }
  | (OfElection & {
      readonly is: 'granted'
      readonly token: string
      readonly since: number
      readonly until: number
    })
  | { readonly is: 'renewed'; readonly election: string; readonly token: string; readonly until: number }
  | (OfElection & { readonly is: 'resigns'; readonly token: string })
  | (OfElection & {
      readonly is: 'lost'
      readonly token: string
      readonly reason: string
      readonly aborted: boolean
      readonly valid: boolean
    })
  | (OfElection & { readonly is: 'tick'; readonly token: string; readonly valid: boolean })
  | (OfElection & {
      readonly is: 'refused'
      readonly code?: string
      readonly message: string
      readonly cause?: string
    })
  | {
      readonly is: 'failure'
      readonly during: string
      readonly code?: string
      readonly message: string
      readonly cause?: string
    }

export interface CandidateOptions {
  /** @default 'raft' */
  readonly engine?: 'raft' | 'bully'
  readonly peers: Readonly<Record<string, string>>
  readonly self: string
  readonly dataDir: string
  readonly timing: 'fast' | 'default'
  readonly contests: readonly Contest[]
}

export class CandidateProcess {
  readonly id: string
  readonly lines: Line[] = []
  /** Resolves once all that it told was read. */
  readonly ended: Promise<number | NodeJS.Signals>
  stderr = ''
  readonly #process: ChildProcess

  /** `prefix`: a shell that sets limits and then becomes the program. */
  constructor(options: CandidateOptions, prefix?: string) {
    this.id = options.self
    const args = [program, JSON.stringify(options)]
    this.#process =
      prefix === undefined
        ? spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] })
        : spawn('/bin/sh', ['-c', `${prefix}; exec "$@"`, 'sh', process.execPath, ...args], {
            stdio: ['pipe', 'pipe', 'pipe'],
          })
    const { stdin, stdout, stderr } = this.#process
    if (stdin === null || stdout === null || stderr === null) throw new Error('pipes were asked for')
    stdin.on('error', () => undefined)
    stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    const read = createInterface({ input: stdout })
    read.on('line', (line) => this.lines.push(JSON.parse(line) as Line))
    const allRead = new Promise<void>((resolve) => read.once('close', resolve))
    this.ended = new Promise((resolve, reject) => {
      this.#process.once('error', reject)
      this.#process.once('close', (code, signal) => void allRead.then(() => resolve(signal ?? code ?? -1)))
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** `close`, or `resign NAME`. */
  order(line: string): void {
    this.#process.stdin?.write(`${line}\n`)
  }

  told<Is extends Line['is']>(is: Is): Extract<Line, { is: Is }>[] {
    return this.lines.filter((line): line is Extract<Line, { is: Is }> => line.is === is)
  }
}

/** What `at` of a `Line` would be now. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6
