/**
 * All watches of one process on one stream. A stream that breaks is opened again, elsewhere, and each watch goes on after
 * the last revision it saw, so that none misses an event or sees one twice.
 */
import { MandateError } from '../../errors.ts'
import type { Timer } from '../../seams/clock.ts'
import type { EtcdCluster, Endpoint } from './cluster.ts'
import { failureOf } from './failures.ts'
import { bytes, rangeEnd } from './layout.ts'
import { Outgoing } from './outgoing.ts'
import type { KeyValue, WatchResponse } from './rpc.generated.ts'

const BACKOFF_MS = 100

export interface WatchTarget {
  readonly key: string
  /** All keys that begin with `key`. */
  readonly isPrefix: boolean
  /** The first revision whose events are wanted. */
  readonly fromRevision: bigint
}

export interface KeyEvent {
  readonly is: 'put' | 'deleted'
  readonly kv: KeyValue
}

export interface WatchEvents {
  events(events: readonly KeyEvent[]): void
  /** The wanted revisions are gone, and the watch with them: read, and watch anew. */
  compacted(): void
  /** The watch is over: it is not permitted. */
  refused(error: MandateError): void
  /** No server was heard for so long that what was told may be stale. */
  lostContact?(cause: unknown): void
  /** After `lostContact`: read again. */
  regainedContact?(): void
}

interface OpenWatch {
  readonly target: WatchTarget
  readonly on: WatchEvents
  nextRevision: bigint
}

interface Create {
  readonly key: Uint8Array
  readonly rangeEnd: Uint8Array
  readonly startRevision: bigint
  readonly watchId: bigint
}

type Request = {
  readonly request:
    | { readonly case: 'create'; readonly value: Create }
    | { readonly case: 'cancel'; readonly value: { readonly watchId: bigint } }
}

interface Stream {
  readonly endpoint: Endpoint
  readonly outgoing: Outgoing<Request>
  readonly abort: AbortController
  /** Watches that were asked for and not confirmed yet; the server answers in this order. */
  readonly asked: bigint[]
}

/** The auth token with which this stream was opened has run out: new watches need a new stream, with a new one. */
class TokenRanOut extends Error {}

const noKey = new Uint8Array()

export class WatchHub {
  readonly #cluster: EtcdCluster
  /** How long a silent connection is trusted, and a third of how long it takes until it is `lostContact`. */
  readonly #checkMs: number
  readonly #watches = new Map<bigint, OpenWatch>()
  #lastId = 0n
  #stream: Stream | undefined
  #running = false
  #check: Timer | undefined
  #heardMs = 0
  #lost = false
  #cause: unknown
  #closed = false

  constructor(cluster: EtcdCluster, checkMs: number) {
    this.#cluster = cluster
    this.#checkMs = checkMs
  }

  watch(target: WatchTarget, on: WatchEvents): { close(): void } {
    const id = ++this.#lastId
    const watch: OpenWatch = { target, on, nextRevision: target.fromRevision }
    this.#watches.set(id, watch)
    if (this.#stream !== undefined) ask(this.#stream, id, watch)
    // Cancelled when the last watch closed, which may have been a moment ago, with the stream still on its way out.
    if (this.#check === undefined && !this.#closed) {
      this.#heardMs = this.#cluster.clock.lower()
      this.#checkLater()
    }
    if (!this.#running) void this.#run()
    return {
      close: () => {
        if (!this.#watches.delete(id)) return
        this.#stream?.outgoing.push({ request: { case: 'cancel', value: { watchId: id } } })
        if (this.#watches.size === 0) this.#idle()
      },
    }
  }

  close(): void {
    this.#closed = true
    this.#watches.clear()
    this.#idle()
  }

  #idle(): void {
    this.#check?.cancel()
    this.#check = undefined
    this.#endStream()
  }

  async #run(): Promise<void> {
    this.#running = true
    for (let failures = 0; !this.#closed && this.#watches.size > 0; failures++) {
      const { current } = this.#cluster
      const stream: Stream = {
        endpoint: current,
        outgoing: new Outgoing(),
        abort: new AbortController(),
        asked: [],
      }
      try {
        for await (const reply of await this.#open(stream)) {
          failures = 0
          this.#heard()
          this.#received(stream, reply)
        }
        throw new Error('the stream of watches ended')
      } catch (error) {
        const wasWanted = this.#stream === stream
        this.#endStream()
        if (this.#closed || this.#cluster.closed || this.#watches.size === 0) break
        // Nobody watched for a moment, and the stream was ended by us: that says nothing about the server.
        if (wasWanted) this.#failed(current, error)
      }
      if (failures > 0)
        await this.#cluster.pause(BACKOFF_MS * (0.5 + this.#cluster.random.next())).catch(() => undefined)
    }
    this.#running = false
  }

  async #open(stream: Stream): Promise<AsyncIterable<WatchResponse>> {
    const { endpoint } = stream
    this.#stream = stream
    for (const [id, watch] of this.#watches) ask(stream, id, watch)
    const { signal } = stream.abort
    const headers = await this.#cluster.headers(endpoint, signal)
    return endpoint.api.watch.watch(stream.outgoing, { signal, headers: { ...headers, hasleader: 'true' } })
  }

  #failed(endpoint: Endpoint, error: unknown): void {
    const failure = failureOf(error)
    this.#cause = failure.is === 'final' ? failure.error : error
    if (failure.is === 'token' || error instanceof TokenRanOut) return this.#cluster.forgetToken()
    if (
      failure.is === 'final' &&
      (failure.error.code === 'FORBIDDEN' || failure.error.code === 'UNAUTHORIZED')
    ) {
      for (const id of this.#watches.keys()) this.#refuse(id, failure.error)
      return
    }
    this.#cluster.failed(endpoint, failure.is === 'busy' ? 'busy' : 'broken')
  }

  #received(stream: Stream, reply: WatchResponse): void {
    // A watch that is refused from the start is refused under no id at all (`InvalidWatchID`): the order tells which.
    const at = reply.watchId < 0n ? 0 : stream.asked.indexOf(reply.watchId)
    const [asked] = reply.created && at >= 0 ? stream.asked.splice(at, 1) : []
    const id = asked ?? reply.watchId
    const watch = this.#watches.get(id)
    if (watch === undefined) return
    if (reply.canceled) {
      if (reply.compactRevision > 0n) {
        this.#watches.delete(id)
        return watch.on.compacted()
      }
      const { cancelReason: reason } = reply
      if (/invalid auth token|auth store is old/.test(reason)) throw new TokenRanOut(reason)
      if (/permission denied|user name is empty/.test(reason)) {
        const message = `etcd refused to let a key be watched: ${reason}`
        return this.#refuse(id, new MandateError('FORBIDDEN', message, { reason }))
      }
      // Such as 'no leader': elsewhere it may be better.
      throw new Error(`the server ended a watch: ${reason}`)
    }
    if (reply.events.length === 0) return
    const fresh = reply.events.flatMap(({ type, kv }): KeyEvent[] =>
      kv === undefined || kv.modRevision < watch.nextRevision
        ? []
        : [{ is: type === 1 ? 'deleted' : 'put', kv }],
    )
    for (const { kv } of fresh)
      if (kv.modRevision >= watch.nextRevision) watch.nextRevision = kv.modRevision + 1n
    if (fresh.length > 0) watch.on.events(fresh)
  }

  #refuse(id: bigint, error: MandateError): void {
    const watch = this.#watches.get(id)
    this.#watches.delete(id)
    watch?.on.refused(error)
  }

  #endStream(): void {
    const stream = this.#stream
    this.#stream = undefined
    stream?.outgoing.end()
    stream?.abort.abort(new Error('the stream is not needed any more'))
  }

  // ---- silence --------------------------------------------------------------------------------------------------

  #heard(): void {
    this.#heardMs = this.#cluster.clock.lower()
    if (!this.#lost) return
    this.#lost = false
    for (const { on } of this.#watches.values()) on.regainedContact?.()
  }

  /** A connection that says nothing may be dead: then something is asked over it. */
  #checkLater(): void {
    const { clock } = this.#cluster
    this.#check?.cancel()
    this.#check = clock.setTimer(this.#checkMs, () => {
      this.#checkLater()
      // Whatever came over the same connection is a sign of life.
      this.#heardMs = Math.max(this.#heardMs, this.#stream?.endpoint.link.heardMs ?? 0)
      if (clock.lower() - this.#heardMs < this.#checkMs) return
      if (clock.lower() - this.#heardMs >= 3 * this.#checkMs && !this.#lost) this.#loseContact()
      void this.#ask()
    })
  }

  async #ask(): Promise<void> {
    const stream = this.#stream
    const [watch] = this.#watches.values()
    if (stream === undefined || watch === undefined) return
    const key = bytes(watch.target.key)
    try {
      await this.#cluster.attempt(stream.endpoint, ({ kv }, o) =>
        kv.range({ key, limit: 1n, keysOnly: true }, o),
      )
      if (this.#stream === stream) this.#heard()
    } catch (error) {
      if (this.#stream !== stream || this.#closed) return
      const failure = failureOf(error)
      this.#cause = error
      // It is heard, whatever it says.
      if (failure.is === 'final') return this.#heard()
      stream.abort.abort(error)
      this.#cluster.failed(stream.endpoint, 'broken')
    }
  }

  #loseContact(): void {
    this.#lost = true
    const cause = new MandateError(
      'BACKEND_UNAVAILABLE',
      'no etcd endpoint was heard for a lease',
      {},
      { cause: this.#cause },
    )
    for (const { on } of this.#watches.values()) on.lostContact?.(cause)
  }
}

function ask({ outgoing, asked }: Stream, watchId: bigint, { target, nextRevision }: OpenWatch): void {
  const end = target.isPrefix ? rangeEnd(target.key) : noKey
  const value: Create = { key: bytes(target.key), rangeEnd: end, startRevision: nextRevision, watchId }
  asked.push(watchId)
  outgoing.push({ request: { case: 'create', value } })
}
