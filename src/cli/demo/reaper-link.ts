/** The owner's end of its reaper, and of the channels to the peers that the reaper starts. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { MandateError } from '../../errors.ts'
import { lineReader } from '../guard-protocol.ts'
import type { FromReaper, ToReaper } from './protocol.ts'

/** Descriptors 0 to 2, and 3 for the reaper itself. */
const firstChannel = 4
const startLimitMs = 10_000
const endLimitMs = 10_000

export interface Channel {
  /** Its number in the reaper. */
  readonly descriptor: number
  readonly socket: Socket
}

export interface ReaperOptions {
  /** The command, for names that a person sees. */
  readonly owner: 'demo' | 'compare'
  /** What runs as a peer, given its configuration as JSON. */
  readonly peerScript: string
  /** How many peers will be started, each start counted. */
  readonly channels: number
}

export class ReaperLink {
  readonly #owner: ReaperOptions['owner']
  readonly #process: ChildProcess
  readonly #pipe: Socket
  readonly #channels: Channel[]
  readonly #running = new Map<number, string>()
  readonly #exit: Promise<void>
  readonly #ready: Promise<string>
  #folder: string | undefined
  #ending = false

  /**
   * One channel is used up by each start of a peer, because what a killed peer wrote half must not be read as the
   * beginning of what its successor writes; so their number is fixed here.
   */
  constructor(
    { owner, peerScript, channels }: ReaperOptions,
    take: (message: FromReaper) => void,
    lost: (error: MandateError) => void,
  ) {
    this.#owner = owner
    const script = fileURLToPath(new URL('./reaper.js', import.meta.url))
    const { NODE_OPTIONS: _options, ...env } = process.env
    const pipes = Array.from({ length: channels + 1 }, () => 'pipe' as const)
    this.#process = spawn(process.execPath, [script, peerScript, owner], {
      stdio: ['ignore', 'ignore', 'ignore', ...pipes],
      // A session of its own: Ctrl-C reaches the owner only.
      detached: true,
      env,
    })
    const sockets = this.#process.stdio.slice(3) as Socket[]
    for (const socket of sockets) socket.on('error', () => undefined)
    this.#pipe = sockets[0]!
    this.#channels = sockets.slice(1).map((socket, index) => ({ descriptor: firstChannel + index, socket }))
    this.#exit = new Promise((resolve) => {
      for (const event of ['exit', 'error'] as const) this.#process.once(event, () => resolve())
    })
    this.#ready = this.#listen(take)
    this.#ready.catch(() => undefined)
    void this.#exit.then(() => {
      if (!this.#ending)
        lost(this.#failure(`The reaper of ${this.#owner} ended too early; its peers are killed.`))
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** The temporary folder. @throws INVALID_OPTIONS when it cannot be made, INTERNAL */
  ready(): Promise<string> {
    return this.#ready
  }

  send(message: ToReaper): void {
    this.#pipe.write(`${JSON.stringify(message)}\n`)
  }

  get channelsLeft(): number {
    return this.#channels.length
  }

  nextChannel(): Channel {
    const channel = this.#channels.shift()
    if (channel === undefined)
      throw this.#failure(`${this.#owner} started more peers than it has channels for.`)
    return channel
  }

  /** Kills the peers and removes the folder. Resolves when all that is done, however the reaper ended. */
  async end(): Promise<void> {
    this.#ending = true
    this.#pipe.end()
    const limit = setTimeout(() => this.#process.kill('SIGKILL'), endLimitMs)
    await this.#exit
    clearTimeout(limit)
    // Only if somebody killed the reaper: what it could not do any more.
    for (const pid of this.#running.keys()) kill(pid)
    if (this.#folder !== undefined && existsSync(this.#folder)) {
      rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
    }
    for (const { socket } of this.#channels) socket.destroy()
  }

  #failure(message: string): MandateError<'INTERNAL'> {
    return new MandateError('INTERNAL', message, { reason: this.#owner })
  }

  #listen(take: (message: FromReaper) => void): Promise<string> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(
        () => reject(this.#failure(`The reaper of ${this.#owner} does not start.`)),
        startLimitMs,
      )
      void this.#exit.then(() => reject(this.#failure(`The reaper of ${this.#owner} cannot be started.`)))
      void this.#exit.then(() => clearTimeout(limit))
      const receive = (line: string): void => {
        const message = JSON.parse(line) as FromReaper
        if (message.type === 'ready') {
          clearTimeout(limit)
          this.#folder = message.folder
          resolve(message.folder)
        } else if (message.type === 'failed' && message.what === 'folder') {
          clearTimeout(limit)
          reject(noFolder(this.#owner, message.message))
        }
        if (message.type === 'started') this.#running.set(message.pid, message.id)
        if (message.type === 'exited') this.#running.delete(message.pid)
        take(message)
      }
      this.#pipe.setEncoding('utf8').on('data', lineReader(receive))
    })
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

function noFolder(owner: string, reason: string): MandateError<'INVALID_OPTIONS'> {
  const message =
    `mandate ${owner} cannot make its temporary folder: ${reason}.\n` +
    '  fix: set TMPDIR to a folder that can be written, such as TMPDIR=$PWD'
  return new MandateError('INVALID_OPTIONS', message, { option: 'TMPDIR', value: process.env['TMPDIR'] })
}
