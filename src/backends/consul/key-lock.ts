/**
 * The key of one election as a lock: the transactions that make it, take it, rewrite it and give it back.
 *
 * Every transaction that can lead to a hold states the index of the entry that it was decided on, and an index never
 * comes again. So a request that was given up and lands late changes nothing, once the entry has moved on; and where it
 * has not, `dispel` moves it. That is also why a missing key is made first and locked then: it can be missing twice.
 */
import { isMandateError } from '../../errors.ts'
import { LOCK_FLAG } from '../../fencing/consul/lock-value.ts'
import { between } from '../../seams/random.ts'
import type { BackendEnv } from '../backend.ts'
import { pause } from '../settled.ts'
import type { KvAnswer, TxnResult } from './answers.ts'
import { encode64 } from './api.ts'
import type { ConsulApi, KvOperation } from './api.ts'
import type { Tie } from './tie.ts'

export interface KeyLockOptions {
  readonly api: ConsulApi
  readonly env: BackendEnv
  readonly key: string
  /** After so long an unanswered request is asked about. */
  readonly requestMs: number
  /** The session is closed: what is owed now is left to its end. */
  readonly signal: AbortSignal
}

export interface Hold {
  readonly tie: Tie
  /** ModifyIndex of the acquisition. */
  readonly index: bigint
  /** ModifyIndex of the entry as it is now: it moves when the value is rewritten. */
  current: bigint
  /** Readings that began before this one may show the time before the acquisition. */
  readonly reading: number
}

/** A lock transaction whose outcome is not known, and which may still land. */
export interface Afloat {
  readonly tie: Tie
  /** ModifyIndex of the entry that it supposed. */
  readonly basis: bigint
}

export type LeaveResult = 'left' | 'was-not-holder' | 'unknown'

const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 1000

export class KeyLock {
  readonly key: string
  readonly #options: KeyLockOptions

  constructor(options: KeyLockOptions) {
    this.#options = options
    this.key = options.key
  }

  /** Linearizable. */
  read(signal?: AbortSignal): Promise<KvAnswer> {
    const { api, requestMs, signal: over } = this.#options
    return api.getKey(this.key, { timeoutMs: requestMs, signal: signal ?? over })
  }

  /** An entry that nobody holds, where there is none. */
  make(): Promise<TxnResult> {
    return this.#transact([{ Verb: 'check-not-exists', Key: this.key }, this.#vacant()])
  }

  take(session: string, basis: bigint, value: string): Promise<TxnResult> {
    return this.#transact([this.#supposing(basis), this.#lock('lock', session, value)])
  }

  rewrite({ tie: { session }, current }: Hold, value: string, signal?: AbortSignal): Promise<TxnResult> {
    const operations: readonly KvOperation[] = [
      { Verb: 'check-session', Key: this.key, Session: session },
      this.#supposing(current),
      // `lock` by the holder keeps LockIndex, which `set` would take back to 0.
      this.#lock('lock', session, value),
    ]
    return this.#transact(operations, signal)
  }

  /** Asks until the key is not this session's any more, or the session is closed. */
  async release(hold: Hold, value: string, failed: (error: unknown) => void): Promise<LeaveResult> {
    const { session } = hold.tie
    let asked = false
    for (let tries = 1; !this.#options.signal.aborted; tries++) {
      if (hold.tie.over) return asked ? 'left' : 'was-not-holder'
      try {
        // The flags and the value of a released key are those of the release (kvsUnlockTxn): sent again, or no Go peer
        // would take the key for a lock any more.
        const operations = [this.#supposing(hold.current), this.#lock('unlock', session, value)]
        const result = await this.#transact(operations)
        if (result.is === 'applied') return 'left'
        const [entry] = (await this.read()).entries
        if (entry?.session !== session) return asked ? 'left' : 'was-not-holder'
        hold.current = entry.modifyIndex
      } catch (error) {
        asked = true
        if (isRefusal(error)) failed(error)
        await this.#rest(tries)
      }
    }
    return 'unknown'
  }

  /** Sees to it that a transaction without an answer has no effect, now and later. */
  async dispel(
    { tie, basis }: Afloat,
    value: (index: bigint) => string,
    failed: (error: unknown) => void,
  ): Promise<LeaveResult> {
    for (let tries = 1; !this.#options.signal.aborted; tries++) {
      if (tie.over) return 'left'
      try {
        const [entry] = (await this.read()).entries
        if (entry?.session === tie.session) {
          const index = entry.modifyIndex
          return await this.release({ tie, index, current: index, reading: 0 }, value(index), failed)
        }
        if (entry?.modifyIndex !== basis) return 'left'
        // A value like the old one would not move the entry.
        const barrier = await this.#transact([this.#supposing(basis), this.#vacant()])
        if (barrier.is === 'applied') return 'left'
      } catch {
        await this.#rest(tries)
      }
    }
    return 'unknown'
  }

  /** How long to wait before asking again, after so many tries in vain. */
  retryMs(tries: number): number {
    const maxMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** tries)
    return between(this.#options.env.random, maxMs / 2, maxMs)
  }

  #rest(tries: number): Promise<void> {
    const { env, signal } = this.#options
    return pause(env.clock, this.retryMs(tries), signal).catch(() => undefined)
  }

  #transact(operations: readonly KvOperation[], signal?: AbortSignal): Promise<TxnResult> {
    const { api, requestMs, signal: over } = this.#options
    return api.transact(operations, { timeoutMs: requestMs, signal: signal ?? over })
  }

  #supposing(basis: bigint): KvOperation {
    return { Verb: 'check-index', Key: this.key, Index: basis }
  }

  #lock(verb: 'lock' | 'unlock', session: string, value: string): KvOperation {
    return { Verb: verb, Key: this.key, Value: encode64(value), Session: session, Flags: LOCK_FLAG }
  }

  #vacant(): KvOperation {
    const value = JSON.stringify({ mandate: 1, vacant: this.#options.env.random.id() })
    return { Verb: 'set', Key: this.key, Value: encode64(value), Flags: LOCK_FLAG }
  }
}

/** What no repetition helps against. */
export function isRefusal(error: unknown): boolean {
  return (['FORBIDDEN', 'UNAUTHORIZED', 'INVALID_OPTIONS'] as const).some((code) =>
    isMandateError(error, code),
  )
}
