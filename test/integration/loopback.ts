/** Real peers in this process: real ports, real folders, and an end for everything that a test started. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMandateError, type MandateError } from '../../src/errors.ts'
import type { BackgroundFailure } from '../../src/backends/backend.ts'
import { raft, type RaftBackend, type RaftOptions } from '../../src/backends/raft.ts'
import { freePorts } from '../../src/cli/demo/ports.ts'

export type Peers = Readonly<Record<string, string>>

export interface Watched extends RaftBackend {
  /** What it told of its own accord, oldest first. */
  readonly failures: readonly BackgroundFailure[]
}

/** Handed out by this process: what is free now may be meant for a peer that does not listen yet. */
const taken = new Set<number>()

/** The addresses of peers that do not run yet. */
export async function peerTable(...ids: readonly string[]): Promise<Peers> {
  const ports = (await freePorts(4 * ids.length)).filter((port) => !taken.has(port)).slice(0, ids.length)
  for (const port of ports) taken.add(port)
  return Object.fromEntries(ids.map((id, index) => [id, `127.0.0.1:${ports[index]}`]))
}

export const portOf = (address: string | undefined): number => Number(address?.split(':').at(-1))

/** The stage of one test; `close` ends whatever is still open. */
export class Loopback {
  readonly folder: string
  readonly #ends: (() => unknown)[] = []

  constructor(parent = tmpdir()) {
    this.folder = mkdtempSync(join(parent, 'mandate-loopback-'))
  }

  /** A peer's folder, the same for the same id. */
  dataDir(id: string): string {
    return join(this.folder, id)
  }

  /** Not started. `fast` timing unless told otherwise. */
  backend(options: RaftOptions): Watched {
    const failures: BackgroundFailure[] = []
    const onBackgroundFailure = (failure: BackgroundFailure): number => failures.push(failure)
    const backend = raft({ timing: 'fast', onBackgroundFailure, ...options })
    this.atEnd(() => backend.close())
    return Object.assign(backend, { failures })
  }

  /** A peer with a vote, running. */
  async peer(peers: Peers, self: string, options: Partial<RaftOptions> = {}): Promise<Watched> {
    const backend = this.backend({ peers, self, dataDir: this.dataDir(self), ...options })
    await backend.start()
    return backend
  }

  /** Called by `close`, the newest first. */
  atEnd(end: () => unknown): void {
    this.#ends.push(end)
  }

  async close(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Polls until `look` gives a value. Generous, because the machine may be busy with other tests. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  {
    withinMs = 60_000,
    everyMs = 5,
  }: {
    readonly withinMs?: number
    /** Between two looks, where a look costs something. */
    readonly everyMs?: number
  } = {},
): Promise<T> {
  const endMs = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`)
    await new Promise<void>((resolve) => setTimeout(resolve, everyMs))
  }
}

/** The error that the promise rejects with; fails if it is none of ours, or if nothing is thrown. */
export async function refusal(run: () => unknown): Promise<MandateError> {
  try {
    await run()
  } catch (error) {
    if (isMandateError(error)) return error
    throw error
  }
  throw new Error('it was accepted')
}

/** A peer that leads the Raft cluster, by its own account and with a quorum behind it. */
export async function raftLeader(asked: RaftBackend): Promise<string> {
  return eventually('a Raft leader', async () => {
    const { answers } = await asked.status({ timeoutMs: 500 })
    return answers.find((answer) => answer.role === 'leader' && answer.quorum)?.peer
  })
}
