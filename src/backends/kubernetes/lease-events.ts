/** Events on the Lease, as client-go writes them: `kubectl describe lease` tells who led when. */
import type { BackendEnv } from '../backend.ts'
import type { ApiClient } from './api-client.ts'
import { ApiFailure } from './api-failure.ts'
import type { LockFormat } from './lock-format.ts'

/** The objects that events are about. */
export interface LockTarget {
  readonly namespace: string
  readonly format: Pick<LockFormat, 'apiVersion' | 'objectKind'>
}

export interface LeaseEventsOptions extends LockTarget {
  readonly client: ApiClient
  readonly env: BackendEnv
}

export interface LeaseEventAbout {
  readonly candidateId: string
  readonly lease: string
}

const ATTEMPT_MS = 5000
/** An election that flaps fills no etcd: beyond it, events are dropped and reported. */
const WAITING_MAX = 8

export class LeaseEvents {
  readonly #options: LeaseEventsOptions
  readonly #closed = new AbortController()
  #waiting = 0
  #last: Promise<void> = Promise.resolve()

  constructor(options: LeaseEventsOptions) {
    this.#options = options
  }

  tell(about: LeaseEventAbout, what: 'became leader' | 'stopped leading'): void {
    const { lease } = about
    const { env } = this.#options
    if (this.#closed.signal.aborted) return
    if (this.#waiting >= WAITING_MAX) {
      const error = new Error(`${WAITING_MAX} events wait already: '${what}' is dropped`)
      return env.report({ during: `event on lease '${lease}'`, error })
    }
    this.#waiting++
    const event = this.#eventOf(about, what)
    this.#last = this.#last.then(() => this.#post(lease, event)).finally(() => this.#waiting--)
  }

  async close(limitMs: number): Promise<void> {
    const timer = this.#options.env.clock.setTimer(limitMs, () => this.#closed.abort())
    await this.#last
    timer.cancel()
    this.#closed.abort()
  }

  /** Once: an event that is lost is only told. */
  async #post(lease: string, body: object): Promise<void> {
    const { client, env, namespace } = this.#options
    const attempt = new AbortController()
    const timer = env.clock.setTimer(ATTEMPT_MS, () => attempt.abort())
    try {
      this.#closed.signal.throwIfAborted()
      const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`
      const signal = AbortSignal.any([attempt.signal, this.#closed.signal])
      await client.call({ method: 'POST', path, body, signal })
    } catch (error) {
      const isForbidden = error instanceof ApiFailure && error.status === 403
      const hint = isForbidden ? ' (the Role needs: events, create)' : ''
      const why = error instanceof Error ? error.message : String(error)
      env.report({ during: `event on lease '${lease}'`, error: new Error(`${why}${hint}`, { cause: error }) })
    } finally {
      timer.cancel()
    }
  }

  #eventOf({ lease, candidateId }: LeaseEventAbout, what: string): object {
    const { env, namespace, format } = this.#options
    const { apiVersion, objectKind } = format
    const now = new Date(env.clock.wallMs()).toISOString()
    const seconds = `${now.slice(0, 19)}Z`
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, generateName: `${lease.slice(0, 200)}.` },
      involvedObject: { apiVersion, kind: objectKind, namespace, name: lease },
      type: 'Normal',
      reason: 'LeaderElection',
      message: `${candidateId} ${what}`.slice(0, 1024),
      source: { component: 'mandate' },
      eventTime: `${now.slice(0, -1)}000Z`,
      action: 'LeaderElection',
      reportingComponent: 'mandate.dev/mandate',
      reportingInstance: candidateId.slice(0, 128),
      firstTimestamp: seconds,
      lastTimestamp: seconds,
      count: 1,
    }
  }
}
