/**
 * The endpoints of one etcd cluster: one is current, and a failure moves on to the next. Calls are repeated until they
 * are answered, so only those that may be carried out twice are made through it.
 */
import { MandateError } from '../../errors.ts'
import type { Clock } from '../../seams/clock.ts'
import type { Random } from '../../seams/random.ts'
import { failureOf, isAuthDisabled, isLeaseGone, LeaseGone, NoAnswer, reasonOf } from './failures.ts'
import type { EtcdApi } from './grpc.ts'
import type { Link } from './link.ts'

export interface Endpoint {
  readonly link: Link
  readonly api: EtcdApi
}

export interface CallContext {
  readonly signal: AbortSignal
  readonly headers: Readonly<Record<string, string>>
}

export interface CallLimits {
  /** Ends an attempt that is under way, too. */
  readonly signal?: AbortSignal | undefined
  /** Asked before another attempt; one that is under way is waited for. */
  readonly wanted?: () => boolean
  /** Attempts begin within this time. One is made in any case. */
  readonly withinMs: number
  /** An attempt ended without an answer: it may have been carried out, and may still be. */
  readonly uncertain?: () => void
}

export interface EtcdClusterOptions {
  /** In any order; the order in which they are tried is drawn. */
  readonly endpoints: readonly Endpoint[]
  readonly credentials: { readonly user: string; readonly password: string } | undefined
  /** How long one attempt waits for its answer. */
  readonly attemptMs: number
  readonly clock: Clock
  readonly random: Random
}

const BACKOFF_FIRST_MS = 50
const BACKOFF_MAX_MS = 1000
/** Reasons kept for a message. */
const TRIED_MAX = 5

interface Tried {
  readonly target: string
  readonly reason: string
}

export class EtcdCluster {
  readonly clock: Clock
  readonly random: Random
  readonly attemptMs: number
  readonly #endpoints: readonly Endpoint[]
  readonly #credentials: EtcdClusterOptions['credentials']
  /** Called when the cluster is closed; no `AbortSignal`, which warns of more than ten listeners. */
  readonly #whenClosed = new Set<() => void>()
  #closed: MandateError<'CLOSED'> | undefined
  #index = 0
  /** The newest term of the servers' own election that any of them has told. */
  #term = 0n
  #clusterId: bigint | undefined
  #token: Promise<string | undefined> | undefined

  constructor(options: EtcdClusterOptions) {
    this.clock = options.clock
    this.random = options.random
    this.attemptMs = options.attemptMs
    this.#credentials = options.credentials
    this.#endpoints = shuffled(options.endpoints, options.random)
  }

  get current(): Endpoint {
    return this.#endpoints[this.#index % this.#endpoints.length]!
  }

  get closed(): boolean {
    return this.#closed !== undefined
  }

  /**
   * Asks until there is an answer, each time another endpoint.
   * @throws BACKEND_UNAVAILABLE with what was tried, UNAUTHORIZED, FORBIDDEN, PROTOCOL_ERROR, CANCELLED, CLOSED; LeaseGone
   */
  async call<T>(ask: (api: EtcdApi, context: CallContext) => Promise<T>, limits: CallLimits): Promise<T> {
    const endMs = this.clock.lower() + limits.withinMs
    /** The last reason of each endpoint. */
    const tried = new Map<string, string>()
    for (let attempt = 0; ; attempt++) {
      this.#checkOpen(limits.signal)
      const endpoint = this.current
      try {
        return await this.attempt(endpoint, ask, limits.signal)
      } catch (error) {
        if (isLeaseGone(error))
          throw error instanceof LeaseGone ? error : new LeaseGone('the lease has ended', { cause: error })
        if (limits.signal?.aborted === true) {
          // Its caller lost interest, which says nothing about the server: everything else on its connection goes on.
          limits.uncertain?.()
          this.#checkOpen(limits.signal)
        }
        const failure = failureOf(error)
        // The endpoint is of no use to anybody else either.
        if (failure.is === 'final' && failure.error.code === 'CLUSTER_MISMATCH') this.failed(endpoint, 'busy')
        if (failure.is === 'final') throw failure.error
        if (failure.is === 'token') this.#token = undefined
        else {
          limits.uncertain?.()
          this.failed(endpoint, failure.is)
        }
        this.#checkOpen(limits.signal)
        if (limits.wanted?.() === false) throw cancelled(undefined)
        const reason = failure.is === 'token' ? 'the auth token was not taken' : failure.reason
        tried.set(endpoint.link.authority, reason)
      }
      const waitMs = attempt === 0 ? 0 : this.#backOffMs(attempt)
      if (this.clock.lower() + waitMs >= endMs)
        throw unavailable([...tried].map(([target, reason]) => ({ target, reason })).slice(0, TRIED_MAX))
      await this.pause(waitMs, limits.signal)
    }
  }

  /** Once, at one endpoint, for `attemptMs` at most. */
  async attempt<T>(
    endpoint: Endpoint,
    ask: (api: EtcdApi, context: CallContext) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const abort = new AbortController()
    const onAbort = (): void => abort.abort(this.#closed ?? signal?.reason)
    let timedOut: NoAnswer | undefined
    const timer = this.clock.setTimer(this.attemptMs, () => {
      timedOut = new NoAnswer(this.attemptMs)
      abort.abort(timedOut)
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#whenClosed.add(onAbort)
    if (signal?.aborted === true || this.closed) onAbort()
    try {
      const headers = await unlessAborted(this.headers(endpoint, abort.signal), abort.signal)
      return await unlessAborted(ask(endpoint.api, { signal: abort.signal, headers }), abort.signal)
    } catch (error) {
      throw timedOut ?? error
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', onAbort)
      this.#whenClosed.delete(onAbort)
    }
  }

  /** What every call carries: the auth token, if there is a user. */
  async headers(endpoint: Endpoint, signal: AbortSignal): Promise<Record<string, string>> {
    if (this.#credentials === undefined) return {}
    const asked = (this.#token ??= this.#authenticate(endpoint, signal))
    try {
      const token = await asked
      return token === undefined ? {} : { token }
    } catch (error) {
      if (this.#token === asked) this.#token = undefined
      throw error
    }
  }

  /** With the header of every answer, before it is used. @throws CLUSTER_MISMATCH */
  heard({ clusterId, raftTerm }: { readonly clusterId: bigint; readonly raftTerm: bigint }): void {
    if (clusterId !== 0n) this.#clusterId ??= clusterId
    if (clusterId !== 0n && clusterId !== this.#clusterId) throw mixed(this.#clusterId ?? 0n, clusterId)
    if (raftTerm > this.#term) this.#term = raftTerm
  }

  /** False for the word of a server that was deposed and does not know it yet: somebody was heard in a later term. */
  isPresent(term: bigint): boolean {
    return term >= this.#term
  }

  /** The next call makes a new auth token. */
  forgetToken(): void {
    this.#token = undefined
  }

  /** Moves on, unless somebody did before. What is broken is closed; a server that is only busy keeps its streams. */
  failed(endpoint: Endpoint, how: 'busy' | 'broken'): void {
    if (how === 'broken') endpoint.link.drop()
    if (endpoint === this.current) this.#index++
  }

  /** @throws CANCELLED, CLOSED */
  async pause(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0) return
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', wake)
        this.#whenClosed.delete(wake)
        resolve()
      }
      const timer = this.clock.setTimer(ms, wake)
      signal?.addEventListener('abort', wake, { once: true })
      this.#whenClosed.add(wake)
    })
    this.#checkOpen(signal)
  }

  /** Resolves when every socket is closed; whatever was under way has failed. */
  async close(): Promise<void> {
    this.#closed ??= new MandateError('CLOSED', 'the backend was closed', { what: 'backend' })
    for (const end of [...this.#whenClosed]) end()
    await Promise.all(this.#endpoints.map(({ link }) => link.close()))
  }

  async #authenticate({ api }: Endpoint, signal: AbortSignal): Promise<string | undefined> {
    const { user: name, password } = this.#credentials!
    try {
      return (await api.auth.authenticate({ name, password }, { signal })).token
    } catch (error) {
      // As etcd's own client: who needs no token goes on without.
      if (isAuthDisabled(error)) return undefined
      throw error
    }
  }

  #checkOpen(signal: AbortSignal | undefined): void {
    if (this.#closed !== undefined) throw this.#closed
    if (signal?.aborted === true) throw cancelled(signal.reason)
  }

  #backOffMs(attempt: number): number {
    const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt - 1, 10))
    return ceilingMs * (0.5 + this.random.next() / 2)
  }
}

function mixed(expected: bigint, actual: bigint): MandateError<'CLUSTER_MISMATCH'> {
  return new MandateError(
    'CLUSTER_MISMATCH',
    `an endpoint belongs to the etcd cluster ${actual}, those before to ${expected}: give endpoints of one cluster`,
    { expected: expected.toString(), actual: actual.toString() },
  )
}

function cancelled(reason: unknown): MandateError<'CANCELLED'> {
  return new MandateError('CANCELLED', 'cancelled by its signal', { reason }, { cause: reason })
}

function shuffled<T>(all: readonly T[], random: Random): readonly T[] {
  const rest = [...all]
  const drawn: T[] = []
  while (rest.length > 0) drawn.push(...rest.splice(Math.floor(random.next() * rest.length), 1))
  return drawn
}

function unavailable(tried: readonly Tried[]): MandateError<'BACKEND_UNAVAILABLE'> {
  const reasons = tried.map(({ target, reason }) => `${target} (${reason})`).join(', ')
  const message = `no etcd endpoint answers: ${reasons}; check the addresses, and that a majority of the servers runs`
  return new MandateError('BACKEND_UNAVAILABLE', message, { tried })
}

/** The library settles an aborted call in its own time; nobody waits for that. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void =>
      reject(signal.reason instanceof Error ? signal.reason : new Error(reasonOf(signal.reason)))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
