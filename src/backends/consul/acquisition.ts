/**
 * How one candidacy comes to hold the key: waits until it is free, takes it by a transaction that states what it was
 * decided on, and looks again where the answer was lost.
 */
import { MandateError } from '../../errors.ts'
import { foreignUse } from '../../fencing/consul/lock-value.ts'
import type { Timer } from '../../seams/clock.ts'
import { between } from '../../seams/random.ts'
import type { BackendEnv } from '../backend.ts'
import type { KvEntry, TxnResult } from './answers.ts'
import { isRefusal } from './key-lock.ts'
import type { Afloat, Hold, KeyLock } from './key-lock.ts'
import type { Tie } from './tie.ts'
import type { KeyState } from './watches.ts'

export interface AcquisitionOptions {
  readonly env: BackendEnv
  readonly lock: KeyLock
  readonly election: string
  /** What is written with the key. */
  value(tie: Tie): string
  /** Undefined while a session is being opened. */
  tie(): Tie | undefined
  /** A number for a reading that begins now. */
  reading(): number
  /** Whether the candidacy still stands, and holds nothing. */
  wanted(): boolean
}

/** Called synchronously, and only while it is wanted. */
export interface AcquisitionEvents {
  /** Somebody else holds the key, or it is closed for a while. */
  waiting(): void
  taken(hold: Hold): void
  refused(cause: unknown): void
}

/** Between two tries while a lock delay runs; Consul tells nobody when it is over. */
const DELAYED_MIN_MS = 25
const DELAYED_MAX_MS = 200

/** All who wait wake at once: each waits a moment of chance, longer the more races it has lost. */
const JITTER_FIRST_MS = 1
const JITTER_MAX_MS = 250

export class Acquisition {
  readonly #options: AcquisitionOptions
  readonly #on: AcquisitionEvents
  #startedAt = 0
  #latest: KeyState | undefined
  /** The key was somebody's when it was seen last. */
  #sawHolder = false
  #jitterMs = JITTER_FIRST_MS
  #delayed = 0
  #retries = 0
  #timer: Timer | undefined
  /** Settles with the transaction under way. */
  #attempt: Promise<void> | undefined
  /** It was not answered, or too late. */
  #afloat: Afloat | undefined

  constructor(options: AcquisitionOptions, on: AcquisitionEvents) {
    this.#options = options
    this.#on = on
  }

  /** What was seen last. */
  get latest(): KeyState | undefined {
    return this.#latest
  }

  /** Whether something may still take the key. */
  get owes(): boolean {
    return this.#attempt !== undefined || this.#afloat !== undefined
  }

  begin(): void {
    this.#startedAt = this.#options.reading()
  }

  seen(state: KeyState): void {
    this.#latest = state
    this.consider()
  }

  /** The session is gone, and whatever it asked for. */
  untied(): void {
    this.#afloat = undefined
  }

  /** Starts nothing more. Resolves with what may still land. */
  async end(): Promise<Afloat | undefined> {
    this.#cancelTimer()
    // Of a making that was answered, the taking.
    while (this.#attempt !== undefined) await this.#attempt
    return this.#afloat
  }

  /** Looks at the newest state of the key, and does what it asks for. */
  consider(): void {
    const state = this.#latest
    const { tie: tieNow, wanted, env } = this.#options
    const tie = tieNow()
    if (!wanted() || this.#attempt !== undefined || state === undefined) return
    if (tie === undefined || tie.over) return
    const { entry } = state
    const foreign = entry === undefined ? undefined : foreignUse(entry.flags)
    if (foreign !== undefined)
      return this.#on.refused(foreignKey(this.#options.election, this.#options.lock.key, foreign))
    if (entry?.session === tie.session) {
      // Of a transaction whose answer was lost. An older reading may show what an earlier candidacy has given back.
      if (state.reading > this.#startedAt) this.#taken(tie, entry.modifyIndex)
      return
    }
    if (entry?.session !== undefined) {
      this.#cancelTimer()
      this.#delayed = 0
      if (!this.#sawHolder) this.#on.waiting()
      this.#sawHolder = true
      return
    }
    if (this.#timer !== undefined) return
    const raceMs = this.#sawHolder ? between(env.random, 0, this.#jitterMs) : 0
    this.#sawHolder = false
    if (raceMs < 1) this.#try(tie, entry)
    else this.#later(raceMs)
  }

  #later(ms: number): void {
    this.#cancelTimer()
    this.#timer = this.#options.env.clock.setTimer(ms, () => {
      this.#timer = undefined
      this.consider()
    })
  }

  #cancelTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #try(tie: Tie, entry: KvEntry | undefined): void {
    this.#attempt = entry === undefined ? this.#make(tie) : this.#take(tie, entry.modifyIndex)
  }

  /** Nothing is held by it, so whatever becomes of it is no harm. */
  #make(tie: Tie): Promise<void> {
    return this.#options.lock.make().then(
      (result) => {
        this.#attempt = undefined
        this.#retries = 0
        if (result.is === 'refused') this.#refused(tie, result, undefined)
        else if (this.#options.wanted() && !tie.over) this.#attempt = this.#take(tie, result.index)
      },
      (error: unknown) => {
        this.#attempt = undefined
        this.#unanswered(error)
      },
    )
  }

  #take(tie: Tie, basis: bigint): Promise<void> {
    return this.#options.lock.take(tie.session, basis, this.#options.value(tie)).then(
      (result) => {
        this.#attempt = undefined
        this.#retries = 0
        if (result.is === 'applied') this.#acquired(tie, result.index)
        else this.#refused(tie, result, basis)
      },
      (error: unknown) => {
        this.#attempt = undefined
        if (!isRefusal(error)) this.#afloat = { tie, basis }
        this.#unanswered(error)
      },
    )
  }

  #acquired(tie: Tie, index: bigint): void {
    if (tie.over) return this.consider()
    if (this.#options.wanted()) this.#taken(tie, index)
    else this.#afloat = { tie, basis: index }
  }

  #refused(tie: Tie, { why, what }: Extract<TxnResult, { is: 'refused' }>, basis: bigint | undefined): void {
    if (!this.#options.wanted()) return
    switch (why) {
      case 'lock-delay': {
        if (this.#delayed++ === 0) this.#on.waiting()
        const maxMs = Math.min(DELAYED_MAX_MS, DELAYED_MIN_MS * 1.5 ** this.#delayed)
        return this.#later(between(this.#options.env.random, maxMs / 2, maxMs))
      }
      case 'held':
      case 'changed':
        this.#delayed = 0
        // Lost a race; the watch tells of the next one. It may have told already.
        this.#jitterMs = Math.min(JITTER_MAX_MS, 2 * this.#jitterMs)
        this.#sawHolder = true
        this.#on.waiting()
        // It may be ours, by the transaction before this one, whose answer was lost.
        if (this.#afloat !== undefined) void this.#lookAgain()
        else if (this.#latest?.entry?.modifyIndex !== basis) this.consider()
        return
      case 'no-session':
        void tie.verify()
        return this.#later(this.#options.lock.retryMs(++this.#retries))
      default:
        why satisfies never
        throw new MandateError('INTERNAL', what, { reason: what })
    }
  }

  #unanswered(error: unknown): void {
    if (!this.#options.wanted()) return
    if (isRefusal(error)) return this.#on.refused(error)
    this.#options.env.report({ during: `campaign for '${this.#options.election}'`, error })
    // Asked again on the same supposition, it cannot take effect twice; and if it did the first time, a reading shows it.
    void this.#lookAgain()
  }

  async #lookAgain(): Promise<void> {
    const reading = this.#options.reading()
    try {
      const { entries, index } = await this.#options.lock.read()
      if (!this.#options.wanted()) return
      const latest = this.#latest
      // The watch may have told of something newer meanwhile.
      if (latest === undefined || index >= latest.index || reading > latest.reading)
        this.#latest = { entry: entries[0], index, reading }
      this.consider()
    } catch {
      if (!this.#options.wanted()) return
      this.#cancelTimer()
      this.#timer = this.#options.env.clock.setTimer(this.#options.lock.retryMs(++this.#retries), () => {
        this.#timer = undefined
        void this.#lookAgain()
      })
    }
  }

  #taken(tie: Tie, index: bigint): void {
    this.#cancelTimer()
    this.#afloat = undefined
    this.#jitterMs = JITTER_FIRST_MS
    // Whatever is read from here on is not older than the acquisition.
    this.#on.taken({ tie, index, current: index, reading: this.#options.reading() })
  }
}

function foreignKey(election: string, key: string, use: string): MandateError<'INVALID_NAME'> {
  return new MandateError(
    'INVALID_NAME',
    `election '${election}' cannot use the key ${key}, which ${use}. It is left as it is: choose another name or prefix, ` +
      'or delete the key if nobody needs it',
    { name: election, reason: use },
  )
}
