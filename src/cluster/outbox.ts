/**
 * A session's requests, in numbered batches, one batch in flight: what is asked meanwhile goes with the next one. The
 * registry applies each number once, so a batch whose answer was lost is simply sent again.
 */
import type { RequestResult, SessionRequest } from '../registry/types.ts'

/** `null`: the session ended before the answer came. */
export type Answer = (result: RequestResult | null) => void

export interface Letter {
  /** True if it had not been sent: then it never will be, and `answer` is not called. */
  cancel(): boolean
}

interface Pending {
  readonly request: SessionRequest
  readonly answer: Answer
}

/** Requests of one batch: with the largest names and metadata they still fit a frame of 64 KiB. */
const batchMax = 12
const smallBatchMax = 128

export class Outbox {
  #queue: Pending[] = []
  #flight: { readonly number: number; readonly items: readonly Pending[] } | null = null
  #number = 0
  readonly #post: (number: number, requests: readonly SessionRequest[]) => void

  constructor(post: (number: number, requests: readonly SessionRequest[]) => void) {
    this.#post = post
  }

  add(request: SessionRequest, answer: Answer): Letter {
    const pending = { request, answer }
    this.#queue.push(pending)
    return {
      cancel: () => {
        const at = this.#queue.indexOf(pending)
        if (at >= 0) this.#queue.splice(at, 1)
        return at >= 0
      },
    }
  }

  /** Posts the next batch if none is in flight. */
  flush(): void {
    if (this.#flight !== null || this.#queue.length === 0) return
    const large = this.#queue.slice(0, smallBatchMax).some(hasMetadata)
    const items = this.#queue.splice(0, large ? batchMax : smallBatchMax)
    this.#flight = { number: ++this.#number, items }
    this.#post(
      this.#number,
      items.map(({ request }) => request),
    )
  }

  /** Posts the batch in flight again, after a change of sponsor. */
  repeat(): void {
    if (this.#flight !== null)
      this.#post(
        this.#flight.number,
        this.#flight.items.map(({ request }) => request),
      )
  }

  /** Number of the newest batch whose results came; 0 before the first. */
  get answeredThrough(): number {
    return this.#flight === null ? this.#number : this.#number - 1
  }

  /** The results of batch `number`; stale ones are ignored. */
  answered(number: number, results: readonly RequestResult[]): void {
    const flight = this.#flight
    if (flight === null || flight.number !== number) return
    this.#flight = null
    flight.items.forEach((item, index) => item.answer(results[index] ?? null))
  }

  /** The session is over: nothing of it will be answered. A new session counts from 1. */
  reset(): void {
    const open = [...(this.#flight?.items ?? []), ...this.#queue]
    this.#queue = []
    this.#flight = null
    this.#number = 0
    for (const item of open) item.answer(null)
  }
}

function hasMetadata({ request }: Pending): boolean {
  return (
    (request.type === 'campaign' || request.type === 'proclaim') && Object.keys(request.metadata).length > 0
  )
}
