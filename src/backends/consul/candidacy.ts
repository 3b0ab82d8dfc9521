/**
 * One candidacy in one key: waits until the key is free, locks it, watches it while it leads, and gives it back.
 */
import { encodeLockValue } from '../../fencing/consul/lock-value.ts'
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
import { Acquisition } from './acquisition.ts'
import type { ConsulApi } from './api.ts'
import { isRefusal, KeyLock } from './key-lock.ts'
import type { Hold, LeaveResult } from './key-lock.ts'
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

export class ConsulCandidacy implements Candidacy {
  readonly #host: CandidacyHost
  readonly #lock: KeyLock
  readonly #acquisition: Acquisition
  readonly #request: CandidacyRequest
  readonly #on: CandidacyEvents
  readonly #over = deferred<void>()
  #state: State = { is: 'waiting' }
  #metadata: Metadata
  #watch: { close(): void } | undefined
  #writing: Promise<unknown> = Promise.resolve()
  #left: Promise<LeaveResult> | undefined

  constructor(host: CandidacyHost, key: string, request: CandidacyRequest, on: CandidacyEvents) {
    this.#host = host
    this.#lock = new KeyLock({ ...host, key })
    this.#request = request
    this.#metadata = request.metadata
    this.#on = on
    const { env, watches, tie } = host
    this.#acquisition = new Acquisition(
      {
        ...{ env, lock: this.#lock, election: request.election, tie },
        value: (holder) => this.#value(holder, null),
        reading: () => watches.reading(),
        wanted: () => this.#state.is === 'waiting',
      },
      {
        waiting: () => on.waiting(undefined),
        taken: (hold) => this.#win(hold),
        refused: (cause) => this.end('refused', cause),
      },
    )
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
    this.#acquisition.begin()
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
    this.#acquisition.consider()
  }

  /** The session is gone, and the key with it if it was ours. */
  untied(reason: LossReason, cause: unknown): void {
    this.#acquisition.untied()
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
    const { owes } = this.#acquisition
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

  // ---- the key --------------------------------------------------------------------------------------------------

  #seen(state: KeyState): void {
    const hold = this.#hold
    this.#acquisition.seen(state)
    // Not what it has just taken by this very state.
    if (hold !== undefined) this.#checkHold(hold, state)
  }

  #watchFailed(error: unknown): void {
    if (this.#state.is === 'waiting' && isRefusal(error)) this.end('refused', error)
  }

  // ---- leading --------------------------------------------------------------------------------------------------

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
    const { latest } = this.#acquisition
    if (latest !== undefined) this.#checkHold(hold, latest)
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
      return this.#acquisition.consider()
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
    this.#watch?.close()
    const afloat = this.#acquisition.end()
    const failed = (error: unknown): void =>
      this.#host.env.report({ during: `release of '${this.#request.election}'`, error })
    try {
      if (hold !== undefined) {
        // A proclamation that is on its way lands first.
        await this.#writing
        return await this.#lock.release(hold, this.#value(hold.tie, hold.index), failed)
      }
      const owed = await afloat
      if (owed === undefined) return 'left'
      return await this.#lock.dispel(owed, (index) => this.#value(owed.tie, index), failed)
    } finally {
      this.#finish()
    }
  }

  #finish(): void {
    this.#state = { is: 'over' }
    void this.#acquisition.end()
    this.#watch?.close()
    this.#over.resolve()
  }

  #value({ session }: Tie, index: bigint | null, metadata = this.#metadata): string {
    return encodeLockValue({ id: this.#host.candidateId, metadata, session, index })
  }
}

function indexFell(key: string): Error {
  return new Error(
    `the index of ${key} went back: Consul was restored from a snapshot; raise tokenBase before going on`,
  )
}
