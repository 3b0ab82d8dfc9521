/** The requests for the Leases of one namespace, made when the API server wants to be asked, and told apart when they fail. */
import type { IncomingMessage } from 'node:http'
import type { Cancellable } from '../backend.ts'
import { pause } from '../settled.ts'
import type { Clock } from '../../seams/clock.ts'
import type { ApiClient, ApiRequest } from './api-client.ts'
import { ApiFailure } from './api-failure.ts'
import { collectionPath, type LeaseVersion } from './lease-path.ts'
import type { KubernetesObject, LockFormat } from './lock-format.ts'
import { asMandateError } from './refusals.ts'

export interface LeaseRequestsOptions {
  readonly client: ApiClient
  readonly clock: Clock
  readonly format: LockFormat
  readonly server: string
  readonly namespace: string
  /** No `Retry-After` is waited for longer: it may be meant for others, or be wrong. */
  readonly patienceMs: number
}

export class LeaseRequests {
  readonly namespace: string
  readonly #options: LeaseRequestsOptions
  readonly #path: string
  /** By `lower()`: the server asked not to be asked before. */
  #quietUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: LeaseRequestsOptions) {
    this.#options = options
    this.namespace = options.namespace
    this.#path = collectionPath(options.format, options.namespace)
  }

  /** Null: it is not there. */
  async get(lease: string, o: Cancellable): Promise<KubernetesObject | null> {
    try {
      return await this.#call({ method: 'GET', path: `${this.#path}/${lease}`, signal: signalOf(o) })
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) return null
      throw this.told(error, 'get', lease)
    }
  }

  /** Applied only if `expect` is still the version of the Lease. @throws ApiFailure */
  put(
    lease: string,
    body: KubernetesObject,
    expect: LeaseVersion,
    o: Cancellable,
  ): Promise<KubernetesObject> {
    const signal = signalOf(o)
    return expect === null
      ? this.#call({ method: 'POST', path: this.#path, body, signal })
      : this.#call({ method: 'PUT', path: `${this.#path}/${lease}`, body, signal })
  }

  /** The events of this one Lease, one JSON value a line. @throws ApiFailure */
  stream(
    lease: string,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const parameters = new URLSearchParams({
      watch: 'true',
      fieldSelector: `metadata.name=${lease}`,
      allowWatchBookmarks: 'true',
      ...query,
    })
    return this.#politely(signal, () =>
      this.#options.client.stream({ method: 'GET', path: `${this.#path}?${parameters.toString()}`, signal }),
    )
  }

  /** With the way out in its message. */
  told(error: unknown, verb: string, lease: string): unknown {
    const { server, namespace, format } = this.#options
    return asMandateError(error, verb, { server, namespace, lease, format })
  }

  #call(request: ApiRequest): Promise<KubernetesObject> {
    return this.#politely(
      request.signal,
      async () => (await this.#options.client.call(request)) as KubernetesObject,
    )
  }

  /** A request that has to wait does so within the caller's time, so that no deadline is passed for politeness. */
  async #politely<T>(signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    const { clock, patienceMs } = this.#options
    const quietMs = this.#quietUntilMs - clock.lower()
    if (quietMs > 0) await pause(clock, quietMs, signal)
    try {
      return await send()
    } catch (error) {
      if (error instanceof ApiFailure && error.retryAfterMs !== undefined) {
        this.#quietUntilMs = clock.lower() + Math.min(error.retryAfterMs, patienceMs)
      }
      throw error
    }
  }
}

function signalOf({ signal }: Cancellable): AbortSignal {
  return signal ?? new AbortController().signal
}
