/**
 * One candidacy in one key: waits until the key is free, locks it, watches it while it leads, and gives it back.
 */
import { MandateError } from '../../errors.ts'
import type { Timer } from '../../seams/clock.ts'
import { between } from '../../seams/random.ts'
import type {
  BackendEnv,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  LossReason,
  Metadata,
  Renewal,
} from '../backend.ts'
import { answerWithin, deferred } from '../settled.ts'
import type { KvEntry, TxnResult } from './answers.ts'
import type { ConsulApi } from './api.ts'
import { encodeLockValue, foreignUse } from '../../fencing/consul/lock-value.ts'
import { isRefusal, KeyLock } from './key-lock.ts'
import type { Afloat, Hold, LeaveResult } from './key-lock.ts'
import type { Tie } from './tie.ts'
import type { KeyFollower, KeyState, Watches } from './watches.ts'

export interface CandidacyHost {
  readonly api: ConsulApi
  readonly env: BackendEnv
  readonly watches: Watches
  readonly candidateId: string
  readonly tokenBase: bigint
  /** After so long an unanswered request is asked about. */
  readonly requestMs: number
  /** Nobody who leaves waits longer for an answer. */
  readonly patienceMs: number
  /** Undefined while a session is being opened. */
  tie(): Tie | undefined
  /** The session is closed: what is owed now is left to its end. */
  readonly signal: AbortSignal
}

type State =
  /** Stands for the key: a free one is tried. `attempt` is the one under way. */
  | { readonly is: 'waiting' }
  /** The key is ours; nobody was told yet, because no renewal proves the session alive. */
  | { readonly is: 'granted'; readonly hold: Hold }
  | { readonly is: 'held'; readonly hold: Hold }
  | { readonly is: 'leaving' }
  | { readonly is: 'over' }

/** Between two tries while a lock delay runs; Consul tells nobody when it is over. */
const DELAYED_MIN_MS = 25
const DELAYED_MAX_MS = 200

/** All who wait wake at once: each waits a moment of chance, longer the more races it has lost. */
const JITTER_FIRST_MS = 1
const JITTER_MAX_MS = 250

export class ConsulCandidacy implements Candidacy {
  readonly #host: CandidacyHost
  readonly #lock: KeyLock
  readonly #request: CandidacyRequest
  readonly #on: CandidacyEvents
  readonly #over = deferred<void>()
  #state: State = { is: 'waiting' }
  #metadata: Metadata
  #watch: { close(): void } | undefined
  #startedAt = 0
  #latest: KeyState | undefined
  /** The key was somebody's when it was seen last. */
  #sawHolder = false
  #jitterMs = JITTER_FIRST_MS
  #delayed = 0
  #retries = 0
  #timer: Timer | undefined
  /** Settles with the lock transaction under way. */
  #attempt: Promise<void> | undefined
  /** It was not answered, or too late. */
  #afloat: Afloat | undefined
  #writing: Promise<unknown> = Promise.resolve()
  #left: Promise<LeaveResult> | undefined

  constructor(host: CandidacyHost, key: string, request: CandidacyRequest, on: CandidacyEvents) {
    this.#host = host
    this.#lock = new KeyLock({ ...host, key })
    this.#request = request
    this.#metadata = request.metadata
    this.#on = on
  }

  get key(): string {
    return this.#lock.key
  }

  /** Resolves when nothing of it is left at Consul, as far as can be known. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  get ended(): boolean {
    return this.#state.is === 'leaving' || this.#state.is === 'over'
  }

  get holds(): boolean {
    return this.#state.is === 'held'
  }

  start(): void {
    if (this.#state.is !== 'waiting') return this.#finish()
    this.#startedAt = this.#host.watches.reading()
    try {
      const follower: KeyFollower = {
        state: (state) => this.#seen(state),
        failed: (error) => this.#watchFailed(error),
      }
      // What it is told may be old: every write states the index that it was decided on.
      this.#watch = this.#host.watches.follow(this.key, follower, { fresh: false })
    } catch (error) {
      queueMicrotask(() => this.end('refused', error))
    }
  }

  /** There is a session (again). */
  tied(): void {
    if (this.#state.is === 'waiting') this.#consider()
  }

  /** The session is gone, and the key with it if it was ours. */
  untied(reason: LossReason, cause: unknown): void {
    this.#afloat = undefined
    if (this.#state.is === 'held') this.end(reason, cause)
    else if (this.#state.is === 'granted') this.#state = { is: 'waiting' }
  }

  /** The session was renewed: a grant that waited for that can be told. `tell`: each leadership hears of it by itself. */
  renewed(renewal: Renewal, tell: boolean): void {
    if (this.#state.is === 'granted') this.#win(this.#state.hold)
    else if (this.#state.is === 'held' && tell) this.#on.renewed(renewal)
  }

  /** Tells the end and forgets the key: for what is ours no more, or never was. */
  end(reason: LossReason, cause?: unknown): void {
    if (this.ended) return
    const owes = this.#attempt !== undefined || this.#afloat !== undefined
    this.#state = owes ? { is: 'leaving' } : { is: 'over' }
    this.#on.ended(cause === undefined ? { reason } : { reason, cause })
    if (owes) this.#left = this.#giveBack(undefined)
    else this.#finish()
  }

  /** The session closes: stops here first, then gives the key back. */
  close(): void {
    if (this.ended) return
    const hold = this.#hold
    this.#state = { is: 'leaving' }
    this.#on.ended({ reason: 'resigned' })
    this.#left = this.#giveBack(hold)
  }

  get #hold(): Hold | undefined {
    return this.#state.is === 'held' || this.#state.is === 'granted' ? this.#state.hold : undefined
  }

  // ---- waiting --------------------------------------------------------------------------------------------------

  #seen(state: KeyState): void {
    this.#latest = state
    if (this.#state.is === 'held' || this.#state.is === 'granted') this.#checkHold(this.#state.hold, state)
    else if (this.#state.is === 'waiting') this.#consider()
  }

  #watchFailed(error: unknown): void {
    if (this.#state.is === 'waiting' && isRefusal(error)) this.end('refused', error)
  }

  /** Looks at the newest state of the key, and does what it asks for. */
  #consider(): void {
    const state = this.#latest
    const tie = this.#host.tie()
    if (this.#state.is !== 'waiting' || this.#attempt !== undefined || state === undefined) return
    if (tie === undefined || tie.over) return
    const { entry } = state
    const foreign = entry === undefined ? undefined : foreignUse(entry.flags)
    if (foreign !== undefined)
      return this.end('refused', foreignKey(this.#request.election, this.key, foreign))
    if (entry?.session === tie.session) {
      // Of a transaction whose answer was lost. An older reading may show what an earlier candidacy has given back.
      if (state.reading > this.#startedAt) this.#granted(tie, entry.modifyIndex)
      return
    }
    if (entry?.session !== undefined) {
      this.#cancelTimer()
      this.#delayed = 0
      if (!this.#sawHolder) this.#on.waiting(undefined)
      this.#sawHolder = true
      return
    }
    if (this.#timer !== undefined) return
    const raceMs = this.#sawHolder ? between(this.#host.env.random, 0, this.#jitterMs) : 0
    this.#sawHolder = false
    if (raceMs < 1) this.#try(tie, entry)
    else this.#later(raceMs)
  }

  #later(ms: number): void {
    this.#cancelTimer()
    this.#timer = this.#host.env.clock.setTimer(ms, () => {
      this.#timer = undefined
      this.#consider()
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
    return this.#lock.make().then(
      (result) => {
        this.#attempt = undefined
        this.#retries = 0
        if (result.is === 'refused') this.#refused(tie, result, undefined)
        else if (this.#state.is === 'waiting' && !tie.over) this.#attempt = this.#take(tie, result.index)
      },
      (error: unknown) => {
        this.#attempt = undefined
        this.#unanswered(error)
      },
    )
  }

  #take(tie: Tie, basis: bigint): Promise<void> {
    return this.#lock.take(tie.session, basis, this.#value(tie, null)).then(
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
    if (tie.over) return this.#consider()
    if (this.#state.is === 'waiting') this.#granted(tie, index)
    else if (this.#state.is === 'leaving') this.#afloat = { tie, basis: index }
  }

  #refused(tie: Tie, { why, what }: Extract<TxnResult, { is: 'refused' }>, basis: bigint | undefined): void {
    if (this.#state.is !== 'waiting') return
    switch (why) {
      case 'lock-delay': {
        if (this.#delayed++ === 0) this.#on.waiting(undefined)
        const maxMs = Math.min(DELAYED_MAX_MS, DELAYED_MIN_MS * 1.5 ** this.#delayed)
        return this.#later(between(this.#host.env.random, maxMs / 2, maxMs))
      }
      case 'held':
      case 'changed':
        this.#delayed = 0
        // Lost a race; the watch tells of the next one. It may have told already.
        this.#jitterMs = Math.min(JITTER_MAX_MS, 2 * this.#jitterMs)
        this.#sawHolder = true
        this.#on.waiting(undefined)
        // It may be ours, by the transaction before this one, whose answer was lost.
        if (this.#afloat !== undefined) void this.#lookAgain()
        else if (this.#latest?.entry?.modifyIndex !== basis) this.#consider()
        return
      case 'no-session':
        void tie.verify()
        return this.#later(this.#lock.retryMs(++this.#retries))
      default:
        why satisfies never
        throw new MandateError('INTERNAL', what, { reason: what })
    }
  }

  #unanswered(error: unknown): void {
    if (this.#state.is !== 'waiting') return
    if (isRefusal(error)) return this.end('refused', error)
    this.#host.env.report({ during: `campaign for '${this.#request.election}'`, error })
    // Asked again on the same supposition, it cannot take effect twice; and if it did the first time, a reading shows it.
    void this.#lookAgain()
  }

  async #lookAgain(): Promise<void> {
    const reading = this.#host.watches.reading()
    try {
      const { entries, index } = await this.#lock.read()
      if (this.#state.is !== 'waiting') return
      const latest = this.#latest
      // The watch may have told of something newer meanwhile.
      if (latest === undefined || index >= latest.index || reading > latest.reading)
        this.#latest = { entry: entries[0], index, reading }
      this.#consider()
    } catch {
      if (this.#state.is !== 'waiting') return
      this.#cancelTimer()
      this.#timer = this.#host.env.clock.setTimer(this.#lock.retryMs(++this.#retries), () => {
        this.#timer = undefined
        void this.#lookAgain()
      })
    }
  }

  // ---- leading --------------------------------------------------------------------------------------------------

  #granted(tie: Tie, index: bigint): void {
    this.#cancelTimer()
    this.#afloat = undefined
    this.#jitterMs = JITTER_FIRST_MS
    // Whatever is read from here on is not older than the acquisition.
    this.#win({ tie, index, current: index, reading: this.#host.watches.reading() })
  }

  #win(hold: Hold): void {
    const { renewal } = hold.tie
    if (renewal === undefined) {
      // The answer was longer on its way than the lease; only a renewal proves that the session outlived it.
      const isNew = this.#state.is === 'waiting'
      this.#state = { is: 'granted', hold }
      if (isNew) void hold.tie.verify()
      return
    }
    this.#state = { is: 'held', hold }
    this.#on.won({ token: this.#host.tokenBase + hold.index, renewal })
    // What was seen while the answer was on its way may be newer than the acquisition.
    if (this.#latest !== undefined) this.#checkHold(hold, this.#latest)
  }

  /** Whether the key is still ours, by a state that cannot be older than the acquisition. */
  #checkHold(hold: Hold, state: KeyState): void {
    if (this.ended || (state.reading <= hold.reading && state.index < hold.index)) return
    const { entry } = state
    if (entry?.session === hold.tie.session) {
      if (entry.modifyIndex > hold.current) hold.current = entry.modifyIndex
      return
    }
    if (state.index < hold.index) {
      // Possible after the store was restored from an old snapshot; and ours it is not, in any case.
      this.#host.env.report({ during: `watch of '${this.#request.election}'`, error: indexFell(this.key) })
    }
    if (this.#state.is === 'granted') {
      this.#state = { is: 'waiting' }
      return this.#consider()
    }
    const how =
      entry === undefined
        ? 'was deleted'
        : entry.session === undefined
          ? 'was released'
          : 'is held by another'
    this.end(hold.tie.reason, new Error(`the key ${this.key} ${how}`))
    // The session may be gone as a whole.
    void hold.tie.verify()
  }

  transfer(): Promise<'refused'> {
    return Promise.resolve('refused')
  }

  proclaim(metadata: Metadata, o: Cancellable): Promise<'done' | 'was-not-holder' | 'unknown'> {
    // One at a time: each supposes the index that the one before has left.
    const result = this.#writing.then(() => this.#proclaim(metadata, o))
    this.#writing = result.catch(() => undefined)
    return result
  }

  async #proclaim(
    metadata: Metadata,
    { signal }: Cancellable,
  ): Promise<'done' | 'was-not-holder' | 'unknown'> {
    for (let tries = 0; tries < 5; tries++) {
      if (this.#state.is !== 'held' || signal?.aborted === true)
        return this.#state.is === 'held' ? 'unknown' : 'was-not-holder'
      const { hold } = this.#state
      try {
        const value = this.#value(hold.tie, hold.index, metadata)
        const result = await this.#lock.rewrite(hold, value, signal)
        if (result.is === 'applied') {
          this.#metadata = metadata
          if (result.index > hold.current) hold.current = result.index
          return 'done'
        }
        const [entry] = (await this.#lock.read(signal)).entries
        if (entry?.session !== hold.tie.session) return 'was-not-holder'
        if (entry.modifyIndex > hold.current) hold.current = entry.modifyIndex
      } catch (error) {
        if (isRefusal(error)) throw error
        return 'unknown'
      }
    }
    return 'unknown'
  }

  // ---- leaving --------------------------------------------------------------------------------------------------

  async leave({ signal }: Cancellable): Promise<LeaveResult> {
    if (this.#left === undefined) {
      if (this.#state.is === 'over') return 'was-not-holder'
      const hold = this.#hold
      this.#state = { is: 'leaving' }
      this.#left = this.#giveBack(hold)
    }
    // What is owed goes on without being waited for.
    const { env, patienceMs } = this.#host
    return answerWithin(this.#left, 'unknown' as const, { clock: env.clock, ms: patienceMs, signal })
  }

  async #giveBack(hold: Hold | undefined): Promise<LeaveResult> {
    this.#cancelTimer()
    this.#watch?.close()
    const failed = (error: unknown): void =>
      this.#host.env.report({ during: `release of '${this.#request.election}'`, error })
    try {
      if (hold !== undefined) {
        // A proclamation that is on its way lands first.
        await this.#writing
        return await this.#lock.release(hold, this.#value(hold.tie, hold.index), failed)
      }
      // Of a making that was answered, the taking.
      while (this.#attempt !== undefined) await this.#attempt
      const afloat = this.#afloat
      if (afloat === undefined) return 'left'
      return await this.#lock.dispel(afloat, (index) => this.#value(afloat.tie, index), failed)
    } finally {
      this.#finish()
    }
  }

  #finish(): void {
    this.#state = { is: 'over' }
    this.#cancelTimer()
    this.#watch?.close()
    this.#over.resolve()
  }

  #value({ session }: Tie, index: bigint | null, metadata = this.#metadata): string {
    return encodeLockValue({ id: this.#host.candidateId, metadata, session, index })
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

function indexFell(key: string): Error {
  return new Error(
    `the index of ${key} went back: Consul was restored from a snapshot; raise tokenBase before going on`,
  )
}
