import type {
  BackendEnv,
  Guarantee,
  LeaderRecord,
  Metadata,
  ObserveEvents,
  Observer,
} from '../backends/backend.ts'
import { AdvisoryLeader, Leader, type LeaderOf } from './leader.ts'
import { Mailbox } from './mailbox.ts'
import { backOffMs, cancelled, isTransient, linkSignals, pause } from './waiting.ts'
import { isMandateError, MandateError } from '../errors.ts'

/** Before an observer that could not be opened is tried again, in ms. */
const AGAIN_FIRST_MS = 1000
const AGAIN_MAX_MS = 30_000

export type ElectionState<Its extends Guarantee = 'linearizable'> =
  | { readonly type: 'led'; readonly leader: LeaderOf<Its> }
  | { readonly type: 'vacant' }
  /** Contact with the arbiter is lost: the state before may be stale. `since` in ms since 1970. */
  | { readonly type: 'unknown'; readonly since: number; readonly cause: unknown }

/** Whatever its backend guarantees; the election knows which. */
export type AnyState = ElectionState<Guarantee>

export interface StateSource {
  readonly election: string
  readonly guarantee: Guarantee
  readonly env: BackendEnv
  /** The observer to watch with: the present one, or one that is opened now. */
  observer(signal: AbortSignal): Promise<Observer>
  readonly closed: AbortSignal
}

/** Each iteration watches on its own: the present state first, then changes, the newest for a slow reader. */
export function statesOf(source: StateSource, signal: AbortSignal | undefined): AsyncIterable<AnyState> {
  return { [Symbol.asyncIterator]: () => new StateStream(source, signal) }
}

/** @throws CANCELLED, BACKEND_UNAVAILABLE, CLOSED, what the arbiter refuses */
export async function currentState(source: StateSource, signal: AbortSignal | undefined): Promise<AnyState> {
  const stream = new StateStream(source, signal)
  try {
    const first = await stream.next()
    if (first.done !== true) return known(source.election, first.value)
    if (signal?.aborted === true) throw cancelled(`reading election '${source.election}'`, signal)
    throw new MandateError('CLOSED', `election '${source.election}' was closed`, { what: 'election' })
  } finally {
    await stream.return()
  }
}

function known(election: string, state: AnyState): AnyState {
  if (state.type !== 'unknown') return state
  // Who lacks a right, or names what is none, reaches the arbiter well enough.
  if (isMandateError(state.cause) && !isTransient(state.cause)) throw state.cause
  const message = `nobody can say who leads election '${election}': the arbiter cannot be reached`
  throw new MandateError('BACKEND_UNAVAILABLE', message, {}, { cause: state.cause })
}

class StateStream implements AsyncIterator<AnyState, undefined>, ObserveEvents {
  readonly #source: StateSource
  readonly #mailbox = new Mailbox<AnyState>()
  readonly #stop: { readonly signal: AbortSignal; unlink(): void }
  readonly #ending = new AbortController()
  #observer: Observer | undefined
  #subscription: { close(): void } | undefined
  #started = false
  #told: AnyState | undefined
  #newest: LeaderRecord | undefined

  constructor(source: StateSource, signal: AbortSignal | undefined) {
    this.#source = source
    this.#stop = linkSignals([signal, source.closed, this.#ending.signal])
    if (this.#stop.signal.aborted) this.#end()
    else this.#stop.signal.addEventListener('abort', () => this.#end(), { once: true })
  }

  next(): Promise<IteratorResult<AnyState, undefined>> {
    if (!this.#started) {
      this.#started = true
      void this.#watch()
    }
    return this.#mailbox.take()
  }

  return(): Promise<IteratorResult<AnyState, undefined>> {
    this.#ending.abort()
    return Promise.resolve({ done: true, value: undefined })
  }

  led(record: LeaderRecord): void {
    const isAdvisory = this.#source.guarantee === 'advisory'
    const newest = this.#newest
    // Backends promise it; a reader who compares tokens must not depend on every one of them.
    if (newest !== undefined && record.token < newest.token && !isAdvisory) return
    this.#newest = record
    const isTold = this.#told?.type === 'led' && newest?.token === record.token
    if (isTold && newest.id === record.id && same(newest.metadata, record.metadata)) return
    const leader = isAdvisory ? new AdvisoryLeader(record) : new Leader(record, this.#observer?.scope ?? '')
    this.#tell({ type: 'led', leader })
  }

  vacant(): void {
    if (this.#told?.type !== 'vacant') this.#tell({ type: 'vacant' })
  }

  unknown(cause: unknown): void {
    if (this.#told?.type !== 'unknown') {
      this.#tell({ type: 'unknown', since: this.#source.env.clock.wallMs(), cause })
    }
  }

  #tell(state: AnyState): void {
    this.#told = state
    this.#mailbox.put(state)
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop
    const { env } = this.#source
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const observer = await this.#source.observer(signal)
        // Aborted while it was opened: the end came before there was anything to close.
        if (signal.aborted) return
        this.#observer = observer
        this.#subscription = observer.observe(this.#source.election, this)
        return
      } catch (error) {
        if (!isTransient(error)) return this.#fail(error)
        this.unknown(error)
      }
      await pause(env.clock, backOffMs(env.random, attempt, AGAIN_FIRST_MS, AGAIN_MAX_MS), signal)
    }
  }

  #fail(error: unknown): void {
    if (!this.#stop.signal.aborted) this.#mailbox.fail(error)
    this.#ending.abort()
  }

  #end(): void {
    this.#stop.unlink()
    this.#subscription?.close()
    this.#mailbox.end()
  }
}

function same(a: Metadata, b: Metadata): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}
