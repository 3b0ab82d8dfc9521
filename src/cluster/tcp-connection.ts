/**
 * One framed connection, either end. Writes of one turn leave together, still in that turn. What the kernel does not
 * take waits in a bounded queue, where a newer heartbeat replaces an older one; a queue that is full ends the
 * connection, because votes are never dropped alone.
 */
import type { Socket } from 'node:net'
import { isMandateError } from '../errors.ts'
import type { Clock } from '../seams/clock.ts'
import { FrameReader, type Frame } from './tcp-frame.ts'

/** How long a connection that is being closed may take to hand over what was written. */
const FAREWELL_MS = 250
const JOINED_BYTES = 16 * 1024
/** Lets the kernel notice a vanished host on links without traffic. */
const KEEP_ALIVE_MS = 5000

export interface ConnectionEvents {
  frame(frame: Frame): void
  /** Once, unless this side called `destroy` or `end`. */
  closed(reason: string, garbage: boolean): void
}

export interface ConnectionLimits {
  readonly maxPayloadBytes: number
  readonly maxQueuedBytes: number
}

interface Queued {
  readonly frame: Buffer
  readonly key: string | undefined
}

export class Connection {
  readonly remote: string
  readonly #socket: Socket
  readonly #clock: Pick<Clock, 'setTimer'>
  readonly #reader: FrameReader
  readonly #maxQueuedBytes: number
  #events: ConnectionEvents
  /** Insertion order is sending order; a superseded frame is deleted. */
  readonly #queue = new Set<Queued>()
  readonly #keyed = new Map<string, Queued>()
  #queuedBytes = 0
  #flushing = false
  #state: 'open' | 'ending' | 'closed' = 'open'

  /** `socket` is connected. */
  constructor(
    socket: Socket,
    clock: Pick<Clock, 'setTimer'>,
    limits: ConnectionLimits,
    events: ConnectionEvents,
  ) {
    this.remote = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`
    this.#socket = socket
    this.#clock = clock
    this.#reader = new FrameReader(limits.maxPayloadBytes)
    this.#maxQueuedBytes = limits.maxQueuedBytes
    this.#events = events
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    let failure: NodeJS.ErrnoException | undefined
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('drain', () => this.#flush())
    socket.on('error', (error) => (failure = error))
    // The other side says no more; half of a connection is of no use here.
    socket.on('end', () => this.#state === 'open' && this.#fail('connection closed', false))
    socket.on('close', () =>
      this.#fail(failure === undefined ? 'connection closed' : reasonOf(failure), false),
    )
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  /** After a handshake: whom to tell from now on, and how much it may send. */
  handOver(events: ConnectionEvents, maxPayloadBytes: number): void {
    this.#events = events
    this.#reader.maxPayloadBytes = maxPayloadBytes
  }

  /** False if it was not taken. A frame replaces a waiting one with the same `key`. */
  send(frame: Buffer, key?: string): boolean {
    if (this.#state !== 'open') return false
    const superseded = key === undefined ? undefined : this.#keyed.get(key)
    if (superseded !== undefined) this.#forget(superseded)
    const queued: Queued = { frame, key }
    this.#queue.add(queued)
    if (key !== undefined) this.#keyed.set(key, queued)
    this.#queuedBytes += frame.length
    if (this.#queuedBytes + this.#socket.writableLength > this.#maxQueuedBytes) {
      // Never from within `send`: whoever sends is not prepared to hear of the end of the connection there.
      queueMicrotask(() => this.#fail('the other side reads too slowly', false))
      return false
    }
    if (!this.#flushing) {
      this.#flushing = true
      queueMicrotask(() => this.#flush())
    }
    return true
  }

  /** Room for bulk data that can be sent again later, which is better than losing the connection. */
  hasRoomFor(bytes: number): boolean {
    return this.#queuedBytes + this.#socket.writableLength + bytes <= this.#maxQueuedBytes
  }

  /** Hands over what was sent, then closes; `closed` is not called. */
  end(whenGone: () => void = () => undefined): void {
    if (this.#state === 'closed') return whenGone()
    if (this.#state === 'open') {
      this.#flush()
      this.#state = 'ending'
      this.#socket.end()
    }
    const timer = this.#clock.setTimer(FAREWELL_MS, () => this.destroy())
    this.#socket.once('close', () => {
      timer.cancel()
      whenGone()
    })
  }

  /** Closes at once; `closed` is not called. */
  destroy(): void {
    this.#state = 'closed'
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    if (this.#state !== 'open') return
    try {
      this.#reader.push(chunk, (frame) => {
        this.#events.frame(frame)
        return this.open
      })
    } catch (error) {
      // The handler's own errors are not the other side's fault.
      if (!isMandateError(error, 'PROTOCOL_ERROR')) throw error
      this.#fail(error.details.reason, true)
    }
  }

  #flush(): void {
    this.#flushing = false
    if (this.#state !== 'open' || this.#socket.writableNeedDrain || this.#queue.size === 0) return
    const frames = Array.from(this.#queue, ({ frame }) => frame)
    const [first] = frames
    // Small frames as one piece: copying them costs less than telling the kernel of each.
    const whole = frames.length === 1 ? first : this.#queuedBytes <= JOINED_BYTES && Buffer.concat(frames)
    this.#queue.clear()
    this.#keyed.clear()
    this.#queuedBytes = 0
    if (whole instanceof Buffer) {
      this.#socket.write(whole)
      return
    }
    this.#socket.cork()
    for (const frame of frames) this.#socket.write(frame)
    this.#socket.uncork()
  }

  #forget(queued: Queued): void {
    if (this.#queue.delete(queued)) this.#queuedBytes -= queued.frame.length
    if (queued.key !== undefined) this.#keyed.delete(queued.key)
  }

  #fail(reason: string, garbage: boolean): void {
    if (this.#state === 'closed') return
    const wasOpen = this.#state === 'open'
    this.destroy()
    if (wasOpen) this.#events.closed(reason, garbage)
  }
}

/** What a socket's error means to somebody who reads `status`. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return 'connection reset'
    case 'ECONNREFUSED':
      return 'connection refused'
    case 'ETIMEDOUT':
      return 'no answer'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'no route'
    case 'EMFILE':
    case 'ENFILE':
      return 'this process has no file descriptor left (raise `ulimit -n`)'
    default:
      return error.message
  }
}
