/** One process of a server under test: started, hurt and ended by the test, and by nobody else. */
import { spawn, type ChildProcess } from 'node:child_process'
import { performance } from 'node:perf_hooks'

/** Lines kept of what it told, for the message of a failure. */
const linesMax = 200

export interface ServerCommand {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Another user to run as, where this one is root. */
  readonly uid?: number
  readonly gid?: number
}

export class ServerProcess {
  readonly name: string
  readonly #command: ServerCommand
  #child: ChildProcess | undefined
  #gone: Promise<void> = Promise.resolve()
  #told: string[] = []

  constructor(name: string, command: ServerCommand) {
    this.name = name
    this.#command = command
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  start(): void {
    if (this.#child !== undefined) throw new Error(`${this.name} runs already`)
    const { program, args, env = {}, cwd, uid, gid } = this.#command
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    })
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#told.push(...text.split('\n'))
        this.#told = this.#told.slice(-linesMax)
      })
    }
    this.#gone = new Promise((resolve) => {
      const over = (): void => {
        if (this.#child === child) this.#child = undefined
        resolve()
      }
      child.once('error', (error) => {
        this.#told.push(error.message)
        over()
      })
      child.once('close', over)
    })
  }

  /** `SIGSTOP` and `SIGCONT` too. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Resolves when the process is gone and its ports are free. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.#child?.kill(signal)
    // A stopped process takes no SIGTERM.
    if (signal === 'SIGTERM') this.#child?.kill('SIGCONT')
    await this.#gone
  }

  /** What it told last. */
  log(): string {
    return this.#told.slice(-30).join('\n')
  }

  /** Polls until `look` is true. Fails with the server's own words if it ends before, or takes too long. */
  async until(what: string, look: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
    const endMs = performance.now() + withinMs
    for (;;) {
      if (await look().catch(() => false)) return
      if (!this.running) throw new Error(`${this.name} ended before ${what}:\n${this.log()}`)
      if (performance.now() > endMs)
        throw new Error(`${this.name} was not ${what} in ${withinMs} ms:\n${this.log()}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
