/**
 * Who leads, for those who only look: the whole list of children is read each time, and the leader computed from it as the
 * native peers do. One ZooKeeper session of its own for all elections, opened anew when it expires.
 */
import { electionPath } from '../../fencing/zookeeper-layout.ts'
import { MandateError } from '../../errors.ts'
import type { Timer } from '../../seams/clock.ts'
import type { BackendEnv, LeaderRecord, Metadata, ObserveEvents } from '../backend.ts'
import type { ZooKeeperClient } from '../../clients/zookeeper/client.ts'
import { ZooKeeperError, isZooKeeperError } from '../../clients/zookeeper/error-codes.ts'
import type { SessionEnd } from '../../clients/zookeeper/session-machine.ts'
import type { Dialect } from './dialects.ts'
import { tagOf } from './dialects.ts'
import { endError } from './failures.ts'
import { metadataPath } from './layout.ts'

export interface ObservationTies {
  readonly dialect: Dialect
  readonly tokenBase: bigint
  readonly env: BackendEnv
  /** Undefined while there is none. */
  client(): ZooKeeperClient | undefined
}

/** One reader of one election. */
export class Observation {
  readonly #election: string
  readonly #on: ObserveEvents
  readonly #ties: ObservationTies
  #told: LeaderRecord | 'vacant' | 'unknown' | undefined
  /** Tokens never go back, whatever a server that lags would say. */
  #newest = -1n
  #looking = false
  #dirty = false
  #closed = false
  #watched: { readonly client: ZooKeeperClient; readonly path: string }[] = []

  constructor(election: string, on: ObserveEvents, ties: ObservationTies) {
    this.#election = election
    this.#on = on
    this.#ties = ties
  }

  close(): void {
    this.#closed = true
    this.#unwatch()
  }

  /** Contact is lost: what was told last may be stale. */
  lost(cause: unknown): void {
    if (this.#closed || this.#told === 'unknown') return
    this.#told = 'unknown'
    this.#on.unknown(cause)
  }

  look(): void {
    this.#dirty = true
    if (this.#looking) return
    this.#looking = true
    void this.#lookWhileDirty().finally(() => (this.#looking = false))
  }

  async #lookWhileDirty(): Promise<void> {
    while (this.#dirty && !this.#closed) {
      this.#dirty = false
      const client = this.#ties.client()
      if (client === undefined) return
      try {
        const seen = await this.#read(client)
        if (this.#isClosed()) this.#unwatch()
        if (seen !== undefined && client.end === undefined) this.#tell(seen)
      } catch (error) {
        if (client.end !== undefined) return
        if (isZooKeeperError(error, 'CONNECTIONLOSS')) this.#dirty = true
        else this.lost(asUnknown(error, this.#election))
      }
    }
  }

  #isClosed(): boolean {
    return this.#closed
  }

  readonly #look = (): void => this.look()

  /** Undefined: it changed while it was read; a look follows. */
  async #read(client: ZooKeeperClient): Promise<LeaderRecord | 'vacant' | undefined> {
    this.#unwatch()
    const { dialect, tokenBase } = this.#ties
    const parent = electionPath(this.#election)
    const [, children] = await Promise.all([client.sync('/'), this.#children(client, parent)])
    if (children === undefined) return undefined
    const [name] = dialect.order(children)
    if (name === undefined) return 'vacant'
    const path = `${parent}/${name}`
    const guid = dialect.guidOf(name)
    try {
      const [{ data, stat }, metadata] = await Promise.all([
        client.getData(path, this.#watch(client, path)),
        guid === undefined || tagOf(guid) === undefined ? {} : this.#metadata(client, metadataPath(guid)),
      ])
      return { id: data.toString('utf8'), token: tokenBase + stat.czxid, metadata }
    } catch (error) {
      if (!isZooKeeperError(error, 'NONODE')) throw error
      this.#dirty = true
      return undefined
    }
  }

  async #children(client: ZooKeeperClient, parent: string): Promise<readonly string[] | undefined> {
    try {
      return (await client.getChildren(parent, this.#watch(client, parent))).children
    } catch (error) {
      if (!isZooKeeperError(error, 'NONODE')) throw error
    }
    // Nobody ever stood, or the servers took the empty container away. The watch tells when somebody comes.
    const exists = await client.exists(parent, this.#watch(client, parent)).then(
      () => true,
      (error: unknown) => {
        if (isZooKeeperError(error, 'NONODE')) return false
        throw error
      },
    )
    if (!exists) return []
    this.#dirty = true
    return undefined
  }

  /** Beside the election, where native peers do not look. */
  async #metadata(client: ZooKeeperClient, path: string): Promise<Metadata> {
    try {
      await client.exists(path, this.#watch(client, path))
      return readMetadata((await client.getData(path)).data)
    } catch (error) {
      if (isZooKeeperError(error, 'NONODE', 'NOAUTH')) return {}
      throw error
    }
  }

  #watch(client: ZooKeeperClient, path: string): () => void {
    this.#watched.push({ client, path })
    return this.#look
  }

  #unwatch(): void {
    for (const { client, path } of this.#watched) client.unwatch(path, this.#look)
    this.#watched = []
  }

  #tell(seen: LeaderRecord | 'vacant'): void {
    if (this.#closed || isSame(seen, this.#told)) return
    if (seen === 'vacant') {
      this.#told = seen
      return this.#on.vacant()
    }
    if (seen.token < this.#newest) return
    this.#newest = seen.token
    this.#told = seen
    this.#on.led(seen)
  }
}

function isSame(
  seen: LeaderRecord | 'vacant',
  told: LeaderRecord | 'vacant' | 'unknown' | undefined,
): boolean {
  if (typeof seen === 'string' || typeof told !== 'object') return seen === told
  return (
    seen.token === told.token &&
    seen.id === told.id &&
    JSON.stringify(seen.metadata) === JSON.stringify(told.metadata)
  )
}

/** What is no object of strings was not written by us. */
function readMetadata(data: Buffer): Metadata {
  try {
    const value: unknown = JSON.parse(data.toString('utf8'))
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    )
  } catch {
    return {}
  }
}

function asUnknown(error: unknown, election: string): unknown {
  if (!(error instanceof ZooKeeperError)) return error
  const message = `election '${election}' cannot be read: ${error.message}`
  if (error.code === 'NOAUTH') return new MandateError('FORBIDDEN', message, { reason: message })
  return new MandateError('BACKEND_UNAVAILABLE', message, {}, { cause: error })
}

/** What the observations of one driver share. */
export interface ObserverClientOptions {
  readonly ties: Omit<ObservationTies, 'client'>
  readonly connect: (on: {
    attached(): void
    detached(reason: string): void
    ended(end: SessionEnd): void
  }) => ZooKeeperClient
  /** After so long without a connection what was told is stale, in ms. */
  readonly patienceMs: number
}

/** Opens its session with the first reader and closes it after the last. */
export class ObserverHub {
  readonly #options: ObserverClientOptions
  readonly #observations = new Set<Observation>()
  readonly #closing = new Map<ZooKeeperClient, () => void>()
  readonly #closed = new Set<Promise<void>>()
  #client: ZooKeeperClient | undefined
  #patience: Timer | undefined
  #again: Timer | undefined

  constructor(options: ObserverClientOptions) {
    this.#options = options
  }

  observe(election: string, on: ObserveEvents): { close(): void } {
    const observation = new Observation(election, on, { ...this.#options.ties, client: () => this.#client })
    this.#observations.add(observation)
    // No event from inside `observe`.
    queueMicrotask(() => {
      if (!this.#observations.has(observation)) return
      if (this.#client === undefined && this.#again === undefined) this.#connect()
      observation.look()
    })
    return {
      close: () => {
        observation.close()
        if (this.#observations.delete(observation) && this.#observations.size === 0) this.#stop()
      },
    }
  }

  /** Resolves when nothing is open any more. */
  async close(): Promise<void> {
    for (const observation of this.#observations) observation.close()
    this.#observations.clear()
    this.#stop()
    await Promise.all(this.#closed)
  }

  #connect(): void {
    this.#expect()
    const client: ZooKeeperClient = this.#options.connect({
      attached: () => {
        if (this.#client !== client) return
        this.#patience?.cancel()
        this.#patience = undefined
        for (const observation of this.#observations) observation.look()
      },
      // One that says goodbye loses its connection too, and nobody looks through it any more.
      detached: () => {
        if (this.#client === client) this.#expect()
      },
      ended: (end) => {
        this.#closing.get(client)?.()
        this.#closing.delete(client)
        if (this.#client !== client) return
        this.#client = undefined
        for (const observation of this.#observations) observation.lost(endError(end))
        const pauseMs = end.why === 'expired' ? 0 : this.#options.patienceMs
        this.#again = this.#options.ties.env.clock.setTimer(pauseMs, () => {
          this.#again = undefined
          this.#connect()
        })
      },
    })
    this.#client = client
    client.start()
  }

  /** A connection should be there soon. */
  #expect(): void {
    this.#patience ??= this.#options.ties.env.clock.setTimer(this.#options.patienceMs, () => {
      this.#patience = undefined
      const cause = new MandateError('BACKEND_UNAVAILABLE', 'no ZooKeeper server answers', {})
      for (const observation of this.#observations) observation.lost(cause)
    })
  }

  #stop(): void {
    this.#patience?.cancel()
    this.#again?.cancel()
    this.#patience = undefined
    this.#again = undefined
    const client = this.#client
    this.#client = undefined
    if (client === undefined || client.end !== undefined) return
    const closed = new Promise<void>((resolve) => this.#closing.set(client, resolve))
    this.#closed.add(closed)
    void closed.then(() => this.#closed.delete(closed))
    client.close()
  }
}
