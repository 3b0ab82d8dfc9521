/**
 * Puts a label on this process's pod while it leads. Only for routing: it comes after the election and goes after the
 * loss, and whatever fails here is told and tried again, and changes nothing about who leads.
 *
 * It is written through the pod's `status` subresource, which takes changes of labels and none of the specification: the right to
 * do so is the smallest that can label a pod.
 */
import type { BackendEnv } from '../backend.ts'
import type { ApiClient } from './api-client.ts'
import { ApiFailure } from './api-failure.ts'
import type { Label } from './leader-label.ts'
import { pause } from '../settled.ts'
import { labelRoleFor } from './role.ts'

export interface PodLabelOptions {
  /** One of its own: a request that hangs here must not take a renewal's connection with it. */
  readonly client: ApiClient
  readonly env: BackendEnv
  readonly namespace: string
  readonly pod: string
  readonly label: Label
}

const ATTEMPT_MS = 5000
const AGAIN_FIRST_MS = 1000
const AGAIN_MAX_MS = 30_000

export class PodLabel {
  readonly #options: PodLabelOptions
  readonly #closed = new AbortController()
  /** One entry for each election that is led. */
  readonly #held = new Set<object>()
  /** What the pod has, as far as this process knows. */
  #written: 'set' | 'removed' | 'unknown' = 'unknown'
  #writing: Promise<void> | undefined
  #isUsed = false
  /** Ends a pause between two attempts, because something else is wanted now. */
  #wake: AbortController | undefined

  constructor(options: PodLabelOptions) {
    this.#options = options
  }

  /** An earlier process of this pod may have died with its label on. */
  clear(): void {
    this.#write()
  }

  /** `holder` is the leadership: each is counted once. */
  add(holder: object): void {
    this.#held.add(holder)
    this.#write()
  }

  remove(holder: object): void {
    if (this.#held.delete(holder)) this.#write()
  }

  /** Removes it; gives up after `limitMs`. */
  async close(limitMs: number): Promise<void> {
    if (!this.#isUsed) return
    this.#held.clear()
    this.#write()
    const timer = this.#options.env.clock.setTimer(limitMs, () => this.#closed.abort())
    await this.#writing
    timer.cancel()
    this.#closed.abort()
  }

  get #wanted(): 'set' | 'removed' {
    return this.#held.size > 0 ? 'set' : 'removed'
  }

  #write(): void {
    this.#isUsed = true
    this.#wake?.abort()
    this.#writing ??= this.#writeUntilDone().finally(() => (this.#writing = undefined))
  }

  /** One request at a time, so that an older one never lands behind a newer one of this process. */
  async #writeUntilDone(): Promise<void> {
    const { signal } = this.#closed
    for (let attempt = 1; this.#written !== this.#wanted && !signal.aborted; attempt++) {
      const wanted = this.#wanted
      try {
        await this.#patch(wanted)
        this.#written = wanted
        attempt = 0
      } catch (error) {
        if (signal.aborted) return
        // It may have been written all the same.
        this.#written = 'unknown'
        this.#options.env.report({ during: `label of pod '${this.#options.pod}'`, error: this.#told(error) })
        const isFinal = error instanceof ApiFailure && [400, 403, 404, 422].includes(error.status)
        // Trying again helps only after somebody changed something; the next leadership will.
        if (isFinal && wanted === this.#wanted) return
        if (wanted === this.#wanted) await this.#rest(attempt)
      }
    }
  }

  async #rest(attempt: number): Promise<void> {
    const { clock, random } = this.#options.env
    const fullMs = Math.min(AGAIN_MAX_MS, AGAIN_FIRST_MS * 2 ** Math.min(attempt - 1, 10))
    this.#wake = new AbortController()
    const either = AbortSignal.any([this.#wake.signal, this.#closed.signal])
    await pause(clock, fullMs * (0.5 + random.next() / 2), either).catch(() => undefined)
    this.#wake = undefined
  }

  async #patch(wanted: 'set' | 'removed'): Promise<void> {
    const { client, env, namespace, pod, label } = this.#options
    const attempt = new AbortController()
    const timer = env.clock.setTimer(ATTEMPT_MS, () => attempt.abort())
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/status`
    // A merge patch: null removes, and is no error where there is nothing.
    const body = { metadata: { labels: { [label.key]: wanted === 'set' ? label.value : null } } }
    try {
      const signal = AbortSignal.any([attempt.signal, this.#closed.signal])
      await client.call({ method: 'PATCH', path, body, signal })
    } finally {
      timer.cancel()
    }
  }

  #told(error: unknown): Error {
    const { namespace, pod } = this.#options
    const why = error instanceof Error ? error.message : String(error)
    const status = error instanceof ApiFailure ? error.status : 0
    const hints: Readonly<Record<number, string>> = {
      403: `\nThis Role allows it:\n${labelRoleFor(namespace)}`,
      404: '. Set POD_NAME and POD_NAMESPACE by the downward API, or the option `pod`',
    }
    return new Error(`pod ${namespace}/${pod} is not labelled: ${why}${hints[status] ?? ''}`, {
      cause: error,
    })
  }
}
