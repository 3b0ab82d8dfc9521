/**
 * What the keys of elections hold, followed by blocking queries: one for each of a few keys, one for everything under the
 * prefix beyond that. Consul's agent takes 200 connections of one client, so a thousand elections cannot have one each.
 */
import { MandateError } from '../../errors.ts'
import type { Timer } from '../../seams/clock.ts'
import { between } from '../../seams/random.ts'
import type { BackendEnv } from '../backend.ts'
import type { KvAnswer, KvEntry } from './answers.ts'
import type { ConsulApi } from './api.ts'

/** The state of one key, by a linearizable read. */
export interface KeyState {
  readonly entry: KvEntry | undefined
  /** Of the store, when it was so. */
  readonly index: bigint
  /** Its place among the readings of this process: whatever was done before `reading()` gave this is in it. */
  readonly reading: number
}

export interface KeyFollower {
  /** After every answer, also where nothing changed. Never from inside `follow`. */
  state(state: KeyState): void
  /** No answer; the last state may be old. Asked again until `close`. */
  failed(error: unknown): void
}

export interface WatchesOptions {
  readonly api: ConsulApi
  readonly env: BackendEnv
  /** Ends with a slash; empty: the root of the store. */
  readonly root: string
  /** How long one query waits for a change, in ms: so late is a black hole noticed. */
  readonly waitMs: number
}

/** Keys with a query of their own, where a query for all is to be had. */
const OWN_QUERIES = 4

/** Keys with a query of their own, where a query for all would read the whole store of everybody. */
const OWN_QUERIES_AT_ROOT = 12

const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 2000

/** Consul adds up to a sixteenth to the wait, so that not all clients come back at once. */
const WAIT_SPREAD = 17 / 16
const ANSWER_MS = 3000

export class Watches {
  readonly #options: WatchesOptions
  readonly #followers = new Map<string, Set<Follower>>()
  /** By key; '' is the query for everything. */
  readonly #queries = new Map<string, Query>()
  #readings = 0

  constructor(options: WatchesOptions) {
    this.#options = options
  }

  /** A number for a reading that begins now. */
  reading(): number {
    return ++this.#readings
  }

  /**
   * `fresh`: the first state is read after this call, so that it shows everything that was done before. Else it may be one
   * that others were told just now.
   * @throws LIMIT_EXCEEDED without a prefix
   */
  follow(key: string, told: KeyFollower, { fresh }: { readonly fresh: boolean }): { close(): void } {
    const { root } = this.#options
    const max = root === '' ? OWN_QUERIES_AT_ROOT : OWN_QUERIES
    if (!this.#followers.has(key) && this.#followers.size >= max && !this.#queries.has('')) {
      if (root === '') throw tooMany(this.#followers.size + 1)
      this.#followAll()
    }
    const followers = this.#followers.get(key) ?? new Set()
    this.#followers.set(key, followers)
    let open = true
    // In the set from now on, though it hears nothing yet: else whoever closes meanwhile would end the query for it too.
    const follower = new Follower(told, () => this.reading())
    followers.add(follower)
    const known = this.#queries.get('') ?? this.#queries.get(key)
    if (known === undefined) {
      this.#begin(key)
      follower.begin()
    } else if (fresh) {
      // Also because a list leaves out what the ACL token may not read, and a single read says so.
      void this.#readOnce(key, follower, () => open)
    } else {
      // Not before this call has returned.
      queueMicrotask(() => {
        follower.begin()
        if (open) known.repeatTo(key, follower)
      })
    }
    return {
      close: () => {
        if (!open) return
        open = false
        followers.delete(follower)
        queueMicrotask(() => this.#endIfIdle(key))
      },
    }
  }

  close(): void {
    for (const query of this.#queries.values()) query.end()
    this.#queries.clear()
    this.#followers.clear()
  }

  #begin(key: string): void {
    this.#queries.set(key, new Query(this.#options, { key, isForAll: false }, this.#duties()))
  }

  #followAll(): void {
    for (const query of this.#queries.values()) query.end()
    this.#queries.clear()
    this.#queries.set(
      '',
      new Query(this.#options, { key: this.#options.root, isForAll: true }, this.#duties()),
    )
  }

  #duties(): QueryDuties {
    return {
      reading: () => this.reading(),
      tell: (key, call) => {
        for (const each of key === undefined
          ? [...this.#followers.values()]
          : [this.#followers.get(key) ?? []]) {
          for (const follower of each) call(follower)
        }
      },
      keys: () => this.#followers.keys(),
    }
  }

  async #readOnce(key: string, follower: Follower, isOpen: () => boolean): Promise<void> {
    const reading = this.reading()
    const first = await this.#options.api
      .getKey(key, { timeoutMs: ANSWER_MS })
      .catch((error: unknown) => ({ error }))
    if (!isOpen()) return
    follower.begin()
    if ('error' in first) return follower.failed(first.error)
    follower.state({ entry: first.entries[0], index: first.index, reading })
    // What the others were told meanwhile may be newer.
    const latest = (this.#queries.get('') ?? this.#queries.get(key))?.latest(key)
    if (latest !== undefined) follower.state(latest)
  }

  #endIfIdle(key: string): void {
    if (this.#followers.get(key)?.size !== 0) return
    this.#followers.delete(key)
    this.#queries.get(key)?.end()
    this.#queries.delete(key)
    if (this.#followers.size > 0) return
    this.#queries.get('')?.end()
    this.#queries.delete('')
  }
}

interface QueryDuties {
  reading(): number
  /** To the followers of one key, or of all. */
  tell(key: string | undefined, call: (follower: KeyFollower) => void): void
  keys(): Iterable<string>
}

type Last =
  | {
      readonly is: 'answer'
      readonly entries: ReadonlyMap<string, KvEntry>
      readonly index: bigint
      readonly reading: number
    }
  | { readonly is: 'failure'; readonly error: unknown }

/** One blocking query after the other, each from the index that the one before brought. */
class Query {
  readonly isForAll: boolean
  readonly #options: WatchesOptions
  readonly #key: string
  readonly #duties: QueryDuties
  readonly #abort = new AbortController()
  #index = 0n
  #last: Last | undefined
  #failures = 0
  #pause: Timer | undefined

  constructor(
    options: WatchesOptions,
    { key, isForAll }: { readonly key: string; readonly isForAll: boolean },
    duties: QueryDuties,
  ) {
    this.#options = options
    this.#key = key
    this.isForAll = isForAll
    this.#duties = duties
    void this.#ask()
  }

  /** What was told last, unless that was a failure. */
  latest(key: string): KeyState | undefined {
    return this.#last?.is === 'answer' ? stateOf(this.#last, key) : undefined
  }

  /** Tells a new follower what the others were told last. */
  repeatTo(key: string, follower: KeyFollower): void {
    const last = this.#last
    if (last?.is === 'failure') follower.failed(last.error)
    else if (last !== undefined) follower.state(stateOf(last, key))
  }

  end(): void {
    this.#abort.abort()
    this.#pause?.cancel()
  }

  async #ask(): Promise<void> {
    const { api, waitMs } = this.#options
    const { signal } = this.#abort
    if (signal.aborted) return
    const reading = this.#duties.reading()
    const after = this.#index
    const timeoutMs = after === 0n ? ANSWER_MS : waitMs * WAIT_SPREAD + ANSWER_MS
    try {
      const query = { key: this.#key, recurse: this.isForAll, after, waitMs }
      const answer = await api.watchKey(query, { timeoutMs, signal })
      if (!signal.aborted) this.#answered(answer, reading)
    } catch (error) {
      if (!signal.aborted) this.#failed(error)
    }
  }

  #answered({ entries, index }: KvAnswer, reading: number): void {
    this.#failures = 0
    // Backwards: the store was restored, or its tombstones were reaped. Waiting for an old index could be for ever.
    this.#index = index < this.#index ? 0n : index
    const last = {
      is: 'answer',
      entries: new Map(entries.map((each) => [each.key, each])),
      index,
      reading,
    } as const
    this.#last = last
    const startMs = this.#options.env.clock.lower()
    if (this.isForAll) {
      for (const key of [...this.#duties.keys()])
        this.#duties.tell(key, (follower) => follower.state(stateOf(last, key)))
    } else {
      this.#duties.tell(this.#key, (follower) => follower.state(stateOf(last, this.#key)))
    }
    // A busy prefix changes faster than a long list can be read: at most a third of the time goes into it.
    const spentMs = this.#options.env.clock.lower() - startMs + entries.length / 100
    this.#again(this.isForAll && spentMs > 1 ? 2 * spentMs : 0)
  }

  #failed(error: unknown): void {
    this.#failures++
    // The connection may have led to another server, which knows other indexes.
    this.#index = 0n
    this.#last = { is: 'failure', error }
    this.#duties.tell(this.isForAll ? undefined : this.#key, (follower) => follower.failed(error))
    const maxMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.#failures)
    this.#again(between(this.#options.env.random, maxMs / 2, maxMs))
  }

  #again(afterMs: number): void {
    if (this.#abort.signal.aborted) return
    if (afterMs === 0) void this.#ask()
    else this.#pause = this.#options.env.clock.setTimer(afterMs, () => void this.#ask())
  }
}

function stateOf({ entries, index, reading }: Extract<Last, { is: 'answer' }>, key: string): KeyState {
  return { entry: entries.get(key), index, reading }
}

/** Who follows one key. Answers on several connections may overtake each other: an older state after a newer one is left out. */
class Follower implements KeyFollower {
  readonly #told: KeyFollower
  readonly #reading: () => number
  #begun = false
  #newest = 0n
  #heardAt = 0

  constructor(told: KeyFollower, reading: () => number) {
    this.#told = told
    this.#reading = reading
  }

  /** What was told before this is not for it. */
  begin(): void {
    this.#begun = true
  }

  state(state: KeyState): void {
    if (!this.#begun) return
    const version = state.entry?.modifyIndex ?? state.index
    // A reading that began after the newest was heard is newer, even if the indexes went back with a restored store.
    if (version < this.#newest && state.reading <= this.#heardAt) return
    this.#newest = version
    this.#heardAt = this.#reading()
    this.#told.state(state)
  }

  failed(error: unknown): void {
    if (this.#begun) this.#told.failed(error)
  }
}

function tooMany(count: number): MandateError<'LIMIT_EXCEEDED'> {
  return new MandateError(
    'LIMIT_EXCEEDED',
    `${count} elections at the root of Consul's store; one process follows ${OWN_QUERIES_AT_ROOT} there: ` +
      'give the backend a prefix of its own, so that one query sees them all',
    { limit: 'elections without a prefix', value: count, max: OWN_QUERIES_AT_ROOT },
  )
}
