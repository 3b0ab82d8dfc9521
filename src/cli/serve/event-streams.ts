/**
 * Server-sent events for those who want news instead of asking. A stream begins with the present state, so that there
 * is nothing to resume; a reader that is slow misses what was overtaken, and one that does not read at all is let go.
 */
import type { ServerResponse } from 'node:http'

export interface EventStreamsOptions {
  readonly max: number
  /** A comment so often, for whoever stands in between and closes what is silent. */
  readonly keepAliveMs: number
}

interface Stream {
  readonly response: ServerResponse
  /** What it has not been sent yet, because it has not read what came before. */
  pending: string | undefined
  /** Whether the last keep-alive found it blocked. */
  isStuck: boolean
}

export class EventStreams {
  readonly #options: EventStreamsOptions
  readonly #streams = new Set<Stream>()
  readonly #timer: NodeJS.Timeout
  #isClosed = false
  #id = 0

  constructor(options: EventStreamsOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#keepAlive(), options.keepAliveMs).unref()
  }

  get count(): number {
    return this.#streams.size
  }

  /** Takes no more; also once it is closed. */
  get isFull(): boolean {
    return this.#isClosed || this.#streams.size >= this.#options.max
  }

  /** The head of the answer is the caller's to write before. */
  open(response: ServerResponse, state: object): void {
    const stream: Stream = { response, pending: undefined, isStuck: false }
    this.#streams.add(stream)
    response.once('close', () => this.#streams.delete(stream))
    response.on('drain', () => flush(stream))
    // Whoever reconnects does so soon, but not all at once in the same millisecond.
    response.write('retry: 1000\n\n')
    send(stream, this.#eventOf(state))
  }

  /** Sends a state to everybody. */
  tell(state: object): void {
    if (this.#streams.size === 0) return
    const event = this.#eventOf(state)
    for (const stream of this.#streams) send(stream, event)
  }

  /** Ends them; what was told before is still sent. Nothing is written to them afterwards, which would be an error. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    for (const stream of this.#streams) {
      flush(stream)
      stream.response.end()
    }
    this.#streams.clear()
  }

  #eventOf(state: object): string {
    return `event: state\nid: ${++this.#id}\ndata: ${JSON.stringify(state)}\n\n`
  }

  #keepAlive(): void {
    for (const stream of this.#streams) {
      const isBlocked = stream.response.writableNeedDrain
      if (isBlocked && stream.isStuck) stream.response.destroy()
      else if (!isBlocked) stream.response.write(': still here\n\n')
      stream.isStuck = isBlocked
    }
  }
}

function send(stream: Stream, event: string): void {
  // The newest state replaces one that waits: memory stays at one event, however slow the reader is.
  stream.pending = event
  if (!stream.response.writableNeedDrain) flush(stream)
}

function flush(stream: Stream): void {
  const { pending } = stream
  if (pending === undefined) return
  stream.pending = undefined
  stream.response.write(pending)
}
