/** `consul lock` as a candidate of the test: leads for as long as the program that it starts tells that it runs. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { eventually } from '../../integration/loopback.ts'
import type { Tenure } from '../../chaos/oracle.ts'
import type { ConsulServers } from '../consul.ts'

const holder = fileURLToPath(new URL('./fixtures/holder.mjs', import.meta.url))

export class NativeLock {
  readonly #process: ChildProcess
  readonly #ended: Promise<void>
  /** When its program told that it runs. */
  readonly #runs: number[] = []

  /** Stands for `prefix`, which is `prefix/.lock`. */
  constructor(servers: ConsulServers, prefix: string) {
    const { program, args, env } = servers.command('lock', '-shell=false', prefix, process.execPath, holder)
    // A group of its own, so that its program dies with it when it is killed.
    const child = spawn(program, [...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ...env },
      detached: true,
    })
    this.#process = child
    const read = createInterface({ input: child.stdout })
    read.on('line', (line) => {
      if (line.startsWith('{')) this.#runs.push((JSON.parse(line) as { at: number }).at)
    })
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()))
  }

  get leads(): boolean {
    return this.#runs.length > 0
  }

  /** Resolves with the instant at which its program ran first. */
  leadership(withinMs = 30_000): Promise<number> {
    return eventually('consul lock to lead', () => this.#runs[0], { withinMs })
  }

  /** Releases, and takes the key away. */
  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    await this.#ended
  }

  /** Without a word, its program with it. */
  async kill(): Promise<void> {
    try {
      process.kill(-this.#process.pid!, 'SIGKILL')
    } catch {
      // Gone already.
    }
    await this.#ended
  }

  /** From when to when its program ran: once, for `consul lock` ends with it. A silence in between is a busy machine. */
  tenures(): Tenure[] {
    const [from, until] = [this.#runs[0], this.#runs.at(-1)]
    if (from === undefined || until === undefined) return []
    return [{ pid: this.#process.pid!, id: 'consul lock', from, until }]
  }
}
