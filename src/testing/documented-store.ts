/**
 * The store that `docs/custom-backend.md` writes a driver for: sessions with a time to live, queues whose entries
 * vanish with their session. In memory, on a clock that is passed in, with connections that can be hurt.
 */
import type { Metadata } from '../backends/backend.ts'
import { grantorSilenceMs } from '../lease/deadline.ts'
import type { Clock } from '../seams/clock.ts'

interface StoredSession {
  readonly id: string
  readonly ttlMs: number
  heardAtMs: number
}

interface StoredEntry {
  readonly id: string
  readonly session: string
  readonly revision: bigint
  readonly metadata: Metadata
}

/** When a client gives up a call, in ms. */
const CALL_MS = 450

/** How often a client looks again without having been told to, in ms. */
const LOOK_MS = 200

const DRIFT = { maxClockDrift: 0.001, tickMs: 1 }

export class DocumentedStore {
  readonly clock: Clock
  readonly clusterId = 'store-1'
  readonly #sessions = new Map<string, StoredSession>()
  readonly #queues = new Map<string, StoredEntry[]>()
  readonly #watchers = new Set<(queue: string) => void>()
  #revision = 0n

  constructor(clock: Clock) {
    this.clock = clock
  }

  client(clock: Clock, link: Link): StoreClient {
    return new StoreClient(this, clock, link)
  }

  openSession(id: string, ttlMs: number): { session: string; ttlMs: number } | undefined {
    this.#expire()
    const nowMs = this.clock.lower()
    for (const each of this.#sessions.values()) {
      if (each.id === id && nowMs - each.heardAtMs < each.ttlMs / 2) return undefined
    }
    this.#revision += 1n
    const session = `session-${this.#revision}`
    this.#sessions.set(session, { id, ttlMs, heardAtMs: nowMs })
    this.#expireAfter(session)
    return { session, ttlMs }
  }

  keepAlive(session: string): { ttlMs: number } | undefined {
    this.#expire()
    const stored = this.#sessions.get(session)
    if (stored === undefined) return undefined
    stored.heardAtMs = this.clock.lower()
    return { ttlMs: stored.ttlMs }
  }

  closeSession(session: string): void {
    if (!this.#sessions.delete(session)) return
    for (const [name, entries] of this.#queues) {
      const rest = entries.filter((entry) => entry.session !== session)
      if (rest.length !== entries.length) this.#write(name, rest)
    }
  }

  enqueue(session: string, queue: string, metadata: Metadata): StoredEntry | undefined {
    const stored = this.#sessions.get(session)
    if (stored === undefined) return undefined
    const entries = this.list(queue)
    const known = entries.find((entry) => entry.session === session)
    if (known !== undefined) return known
    this.#revision += 1n
    const entry = { id: stored.id, session, revision: this.#revision, metadata }
    this.#write(queue, [...entries, entry])
    return entry
  }

  dequeue(session: string, queue: string): 'removed' | 'absent' {
    const entries = this.list(queue)
    const rest = entries.filter((entry) => entry.session !== session)
    if (rest.length === entries.length) return 'absent'
    this.#write(queue, rest)
    return 'removed'
  }

  list(queue: string): readonly StoredEntry[] {
    return this.#queues.get(queue) ?? []
  }

  watch(changed: (queue: string) => void): { close(): void } {
    this.#watchers.add(changed)
    return { close: () => void this.#watchers.delete(changed) }
  }

  #write(queue: string, entries: readonly StoredEntry[]): void {
    this.#revision += 1n
    this.#queues.set(queue, [...entries])
    for (const changed of this.#watchers) changed(queue)
  }

  #expireAfter(session: string): void {
    const stored = this.#sessions.get(session)
    if (stored === undefined) return
    const leftMs = grantorSilenceMs(stored.ttlMs, DRIFT) - (this.clock.lower() - stored.heardAtMs)
    this.clock.setTimer(Math.max(1, Math.ceil(leftMs)), () => {
      this.#expire()
      this.#expireAfter(session)
    })
  }

  #expire(): void {
    for (const [session, { ttlMs, heardAtMs }] of this.#sessions) {
      if (this.clock.lower() - heardAtMs >= grantorSilenceMs(ttlMs, DRIFT)) this.closeSession(session)
    }
  }
}

/** What becomes of the messages between one process and the store. */
export interface Link {
  isCut: boolean
  isDead: boolean
  losesNextReply: boolean
  replyDelayMs: number
}

/** One process's connection: calls take effect in their order, and settle whatever becomes of the connection. */
export class StoreClient {
  readonly clusterId: string
  readonly #store: DocumentedStore
  readonly #clock: Clock
  readonly #link: Link
  readonly #underWay = new Set<() => void>()

  constructor(store: DocumentedStore, clock: Clock, link: Link) {
    this.#store = store
    this.#clock = clock
    this.#link = link
    this.clusterId = store.clusterId
  }

  openSession(id: string, ttlMs: number): Promise<{ session: string; ttlMs: number } | undefined> {
    return this.#call(() => this.#store.openSession(id, ttlMs))
  }

  keepAlive(session: string): Promise<{ ttlMs: number } | undefined> {
    return this.#call(() => this.#store.keepAlive(session))
  }

  closeSession(session: string): Promise<void> {
    return this.#call(() => this.#store.closeSession(session))
  }

  enqueue(session: string, queue: string, metadata: Metadata): Promise<StoredEntry | undefined> {
    return this.#call(() => this.#store.enqueue(session, queue, metadata))
  }

  dequeue(session: string, queue: string): Promise<'removed' | 'absent'> {
    return this.#call(() => this.#store.dequeue(session, queue))
  }

  list(queue: string): Promise<readonly StoredEntry[]> {
    return this.#call(() => this.#store.list(queue))
  }

  watch(queue: string, look: () => void): { close(): void } {
    const watch = this.#store.watch((changed) => {
      if (changed === queue) this.#arrive(look)
    })
    const again = (): void => {
      timer = this.#clock.setTimer(LOOK_MS, again)
      if (!this.#link.isDead) look()
    }
    let timer = this.#clock.setTimer(LOOK_MS, again)
    return {
      close: () => {
        watch.close()
        timer.cancel()
      },
    }
  }

  close(): Promise<void> {
    for (const fail of this.#underWay) fail()
    return Promise.resolve()
  }

  #call<T>(apply: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#link.isDead) return
      const end = (): void => {
        timer.cancel()
        this.#underWay.delete(fail)
      }
      const fail = (): void => {
        end()
        reject(new Error('the store did not answer'))
      }
      const timer = this.#clock.setTimer(CALL_MS, fail)
      this.#underWay.add(fail)
      if (this.#link.isCut) return
      this.#store.clock.afterPoll(() => {
        if (this.#link.isCut || this.#link.isDead) return
        const answer = apply()
        if (this.#link.losesNextReply) {
          this.#link.losesNextReply = false
          return
        }
        this.#arrive(() => {
          end()
          resolve(answer)
        })
      })
    })
  }

  #arrive(run: () => void): void {
    const arrive = (): void => {
      if (!this.#link.isCut && !this.#link.isDead) run()
    }
    if (this.#link.isCut || this.#link.isDead) return
    if (this.#link.replyDelayMs > 0) this.#store.clock.setTimer(this.#link.replyDelayMs, arrive)
    else this.#clock.afterPoll(arrive)
  }
}
