/**
 * What `run` says on stderr: lines for people, or NDJSON (INTERFACES §3).
 *
 * Written by the thread pool, in order: stderr is shared with the command, and a reader that stalls must not stall the
 * supervisor, or it would lose its lease. What does not fit the queue is dropped and counted.
 */
import { write } from 'node:fs'
import { paletteFor } from './colour.ts'
import type { LogFormat, LogLevel } from './settings.ts'

export type RunEventName =
  | 'campaigning'
  | 'elected'
  | 'started'
  | 'stopping'
  | 'exited'
  | 'lost'
  | 'resigned'
  | 'guard'

export interface RunEvent {
  readonly event: RunEventName
  readonly level?: LogLevel
  readonly token?: bigint | undefined
  readonly reason?: string | undefined
  readonly exitCode?: number | undefined
  readonly msg: string
}

/** The code `run` exits with, and whose it is. */
export interface Ending {
  readonly code: number
  readonly whose: 'command' | 'mandate'
  readonly why: string
  /** Several lines, for an error: cause and fix. */
  readonly details?: string
}

export interface RunLogOptions {
  readonly election: string
  readonly id: string
  readonly format: LogFormat
  readonly level: LogLevel
  readonly env: NodeJS.ProcessEnv
}

const queueLimit = 1000
const order: readonly LogLevel[] = ['info', 'warn', 'error']

export class RunLog {
  #options: RunLogOptions
  #format: (event: RunEvent) => string
  readonly #queue: string[] = []
  #dropped = 0
  /** Of the leadership whose end was told last; an advisory one has no token. */
  #lostToken: bigint | 'none' | undefined
  #draining: Promise<void> | undefined

  constructor(options: RunLogOptions) {
    this.#options = options
    this.#format = formatFor(options)
  }

  event(event: RunEvent): void {
    if (event.event === 'elected') this.#lostToken = undefined
    if (order.indexOf(event.level ?? 'info') < order.indexOf(this.#options.level)) return
    this.#add(this.#format(event))
  }

  /** The id is known only once the backend is. */
  identify(id: string): void {
    this.#options = { ...this.#options, id }
    this.#format = formatFor(this.#options)
  }

  /** Figures and explanations that no program waits for. */
  note(text: string): void {
    if (this.#options.format === 'pretty' && this.#options.level === 'info') {
      this.#add(`${paletteFor(2, this.#options.env).dim(`mandate: ${text}`)}\n`)
    }
  }

  /** Once for each leadership: it may end just as its command does, and then both look at it. */
  lost(token: bigint | undefined, reason: string, why = `leadership lost: ${reason}`): void {
    if (this.#lostToken === (token ?? 'none')) return
    this.#lostToken = token ?? 'none'
    this.event({ event: 'lost', level: 'warn', token, reason, msg: why })
  }

  /** Something is wrong that may pass: a lost connection, a missing quorum. */
  warn(reason: string, msg: string): void {
    this.event({ event: 'campaigning', level: 'warn', reason, msg })
  }

  /** The last line: whose exit code it is. What went wrong stands before it, or in it. */
  end({ code, whose, why, details }: Ending): void {
    const level = whose === 'command' || code === 0 ? 'info' : 'error'
    const owner = whose === 'command' ? "the command's own" : "mandate's own"
    if (details !== undefined && this.#options.format === 'pretty') this.#add(`${details}\n`)
    const msg = `exit ${code} is ${owner}: ${why}`
    const full = details === undefined || this.#options.format === 'pretty' ? msg : `${msg}\n${details}`
    // Part of the contract, so written at every log level.
    this.#add(this.#format({ event: 'exited', level, exitCode: code, reason: whose, msg: full }))
  }

  /** Resolves when everything was written, or after `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    const limit = new Promise<void>((resolve) => void setTimeout(resolve, limitMs).unref())
    await Promise.race([this.#draining, limit])
  }

  #add(line: string): void {
    if (this.#queue.length >= queueLimit) {
      this.#dropped++
      return
    }
    this.#queue.push(line)
    this.#draining ??= this.#drain().finally(() => (this.#draining = undefined))
  }

  async #drain(): Promise<void> {
    for (let line = this.#queue.shift(); line !== undefined; line = this.#queue.shift()) {
      if (!(await writeAll(Buffer.from(line)))) return
      if (this.#dropped > 0) {
        const dropped = this.#dropped
        this.#dropped = 0
        this.#queue.push(
          this.#format({ event: 'guard', level: 'warn', msg: `${dropped} log lines were dropped` }),
        )
      }
    }
  }
}

/** False when stderr is closed; the job goes on without its log. */
async function writeAll(bytes: Buffer): Promise<boolean> {
  for (let offset = 0; offset < bytes.length;) {
    const result = await new Promise<number | 'again' | 'closed'>((resolve) => {
      write(2, bytes, offset, (error, count) =>
        resolve(error === null ? count : error.code === 'EAGAIN' ? 'again' : 'closed'),
      )
    })
    if (result === 'closed') return false
    if (result === 'again') await new Promise<void>((resolve) => setTimeout(resolve, 5))
    else offset += result
  }
  return true
}

function formatFor(options: RunLogOptions): (event: RunEvent) => string {
  return options.format === 'json' ? jsonFormat(options) : prettyFormat(options.env)
}

function jsonFormat({ election, id }: RunLogOptions): (event: RunEvent) => string {
  return ({ event, level = 'info', token, reason, exitCode, msg }) =>
    `${JSON.stringify({
      at: Date.now(),
      level,
      event,
      election,
      id,
      token: token?.toString() ?? null,
      reason: reason ?? null,
      exitCode: exitCode ?? null,
      msg,
    })}\n`
}

function prettyFormat(env: NodeJS.ProcessEnv): (event: RunEvent) => string {
  const palette = paletteFor(2, env)
  return ({ level = 'info', msg }) => {
    const paint = { info: (text: string) => text, warn: palette.yellow, error: palette.red }[level]
    return `${palette.dim('mandate:')} ${paint(msg)}\n`
  }
}

/** For a `run` that ends before its settings are known: in the format that was asked for, as far as that can be told. */
export async function endBeforeStart(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  code: number,
  details: string,
): Promise<void> {
  const flagAt = args.findIndex((arg) => arg === '--log-format' || arg.startsWith('--log-format='))
  const flag =
    args[flagAt] === '--log-format' ? args[flagAt + 1] : args[flagAt]?.slice('--log-format='.length)
  const format = (flag ?? env['MANDATE_LOG_FORMAT']) === 'json' ? 'json' : 'pretty'
  const election = args[0]?.startsWith('-') === false ? args[0] : ''
  const log = new RunLog({ election, id: '', format, level: 'info', env })
  log.end({ code, whose: 'mandate', why: 'see the error', details })
  await log.flush(1000)
}
