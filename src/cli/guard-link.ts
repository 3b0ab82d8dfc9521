/** The supervisor's end of its guard: starts it, speaks its protocol, and notices its death. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { MandateError } from '../errors.ts'
import { lineReader } from './guard-protocol.ts'
import type { FromGuard, ToGuard } from './guard-protocol.ts'
import { Deadman } from './deadman.ts'
import { Family, killUnborn, unmarked } from './family.ts'

export interface GuardEvents {
  /** What the guard says. */
  message(message: FromGuard): void
  /** The guard is dead. A command it led was sent SIGKILL, and no member of its group runs any more. */
  lost(reason: string): void
}

/** The supervisor's own limit for the guard's start; a bare Node process takes some 40 ms. */
const startLimitMs = 10_000

export class GuardLink {
  readonly #process: ChildProcess
  readonly #socket: Socket
  /** The command and what it started, from `started` to `gone`. */
  #family: Family | undefined
  /** For the case that the guard is stopped while this process is killed. */
  readonly #deadman = new Deadman()
  /** The environment of a command that was ordered, and whose pid is not known yet. */
  #unborn: Readonly<Record<string, string>> | undefined
  #events: GuardEvents | undefined
  #lost: string | undefined
  #unheardSince: number | undefined
  readonly #exit: Promise<void>
  readonly #ready: Promise<void>

  constructor(env: NodeJS.ProcessEnv) {
    const script = fileURLToPath(new URL('./guard.js', import.meta.url))
    // The guard has options of its own; the command gets the user's NODE_OPTIONS in its environment.
    const { NODE_OPTIONS: _options, ...guardEnv } = unmarked(env)
    this.#process = spawn(
      process.execPath,
      ['--max-semi-space-size=1', '--max-old-space-size=64', script, String(process.pid)],
      // A session of its own: Ctrl-C reaches the supervisor only, which passes it on.
      { stdio: ['inherit', 'inherit', 'inherit', 'pipe'], detached: true, env: guardEnv },
    )
    this.#socket = this.#process.stdio[3] as Socket
    this.#exit = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => resolve(this.#died(`ended with ${signal ?? code}`)))
      this.#process.once('error', (error) => resolve(this.#died(`cannot be started: ${error.message}`)))
    })
    this.#ready = this.#listen()
    // Looked at by `ready()`; until then a failure is not unhandled.
    this.#ready.catch(() => undefined)
  }

  /** @throws INTERNAL when the guard does not start */
  ready(): Promise<void> {
    return this.#ready
  }

  /** Who hears from the guard now: one leadership at a time. */
  attach(events: GuardEvents): void {
    this.#events = events
    if (this.#lost !== undefined) events.lost(this.#lost)
  }

  detach(): void {
    this.#events = undefined
  }

  get lost(): boolean {
    return this.#lost !== undefined
  }

  send(message: ToGuard): void {
    if (this.#lost !== undefined) return
    if (message.type === 'start') this.#unborn = message.command.env
    if (message.type === 'deadline') this.#unheardSince ??= performance.now()
    this.#socket.write(`${JSON.stringify(message)}\n`)
  }

  /** For how long the guard has owed an answer, in ms. */
  silentMs(): number {
    return this.#unheardSince === undefined ? 0 : performance.now() - this.#unheardSince
  }

  /** For a guard that hangs: its death is then handled like any other. */
  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** Ends the guard in order. Only when no command runs. */
  async end(): Promise<void> {
    this.send({ type: 'end' })
    const limit = setTimeout(() => this.kill(), 1000)
    await this.#exit
    clearTimeout(limit)
    this.#deadman.end()
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (reason: string) =>
        reject(new MandateError('INTERNAL', `The guard process ${reason}.`, { reason: 'guard' }))
      const limit = setTimeout(() => failed('does not start'), startLimitMs)
      limit.unref()
      void this.#exit.then(() => failed(this.#lost ?? 'ended'))
      this.#socket.on('error', () => undefined)
      this.#socket.setEncoding('utf8').on(
        'data',
        lineReader((line) => {
          const message = JSON.parse(line) as FromGuard
          if (message.type === 'ready') {
            clearTimeout(limit)
            resolve()
          } else this.#take(message)
        }),
      )
    })
  }

  #take(message: FromGuard): void {
    if (message.type === 'heard') this.#unheardSince = undefined
    if (message.type === 'started') this.#adopt(message.pid)
    if (message.type === 'started' || message.type === 'failed') this.#unborn = undefined
    if (message.type === 'gone') this.#adopt(undefined)
    this.#events?.message(message)
  }

  #adopt(pgid: number | undefined): void {
    this.#family = pgid === undefined ? undefined : new Family(pgid, this.#unborn ?? {})
    this.#deadman.tell(pgid)
  }

  async #died(reason: string): Promise<void> {
    const family = this.#family
    // First of all the command: from here on nobody else would end it.
    family?.kill()
    this.#lost = reason
    if (this.#unborn !== undefined) await killUnborn(this.#unborn)
    await family?.gone()
    this.#adopt(undefined)
    this.#deadman.end()
    this.#events?.lost(reason)
  }
}
