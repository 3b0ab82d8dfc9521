/**
 * Keeps one lease alive, on whichever endpoint answers. Renewals count from the instant before their request was sent and
 * last as long as the server granted, which each answer says anew (etcd's own client counts from the answer).
 */
import type { Renewal } from '../backend.ts'
import type { Instant, Timer } from '../../seams/clock.ts'
import type { EtcdCluster } from './cluster.ts'
import { failureOf, isLeaseGone, NoAnswer, reasonOf } from './failures.ts'
import { Outgoing } from './outgoing.ts'
import type { LeaseKeepAliveResponse } from './rpc.generated.ts'

/** Of the lease, between two requests. */
const BEAT_SHARE = 1 / 3
/** Of the lease, that a request may stay without answer: then there is time for one more, elsewhere. */
const PATIENCE_SHARE = 0.4
const BACKOFF_MS = 100

export interface KeepAliveOptions {
  readonly cluster: EtcdCluster
  readonly lease: bigint
  /** That of the grant. */
  readonly first: Renewal
  readonly renewed: (renewal: Renewal) => void
  /** The server says that the lease has ended. Called once. */
  readonly gone: () => void
  /** Why the lease could not be renewed; once until it is renewed again. */
  readonly troubled: (error: unknown) => void
}

interface Stream {
  readonly outgoing: Outgoing<{ readonly ID: bigint }>
  readonly abort: AbortController
  /** When the requests were sent that wait for their answers, which come in the same order. */
  readonly sent: Instant[]
  watchdog: Timer | undefined
}

export class KeepAlive {
  readonly #options: KeepAliveOptions
  #renewal: Renewal
  #stream: Stream | undefined
  #beat: Timer | undefined
  #stopped = false
  #troubled = false
  #waiting: (() => void)[] = []

  constructor(options: KeepAliveOptions) {
    this.#options = options
    this.#renewal = options.first
    void this.#run()
  }

  /** The newest; it may have run out. */
  get renewal(): Renewal {
    return this.#renewal
  }

  /** Asks now; resolves at the next renewal, or when there will be none. */
  async renewNow(): Promise<void> {
    if (this.#stopped) return
    const renewed = new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.#stream !== undefined) this.#send(this.#stream)
    await renewed
  }

  stop(): void {
    this.#stopped = true
    this.#beat?.cancel()
    this.#endStream()
    this.#wake()
  }

  async #run(): Promise<void> {
    const { cluster } = this.#options
    for (let failures = 0; !this.#stopped; failures++) {
      const endpoint = cluster.current
      try {
        for await (const reply of await this.#open()) {
          failures = 0
          if (!this.#answered(reply)) return
        }
        throw new Error('the stream of renewals ended')
      } catch (error) {
        this.#endStream()
        if (this.#stopped || cluster.closed) return
        if (isLeaseGone(error)) return this.#gone()
        const failure = failureOf(error)
        if (failure.is === 'token') cluster.forgetToken()
        else cluster.failed(endpoint, failure.is === 'busy' ? 'busy' : 'broken')
        if (!this.#troubled) this.#options.troubled(failure.is === 'final' ? failure.error : error)
        this.#troubled = true
      }
      if (failures > 0) await cluster.pause(BACKOFF_MS * (0.5 + cluster.random.next())).catch(() => undefined)
    }
  }

  async #open(): Promise<AsyncIterable<LeaseKeepAliveResponse>> {
    const { cluster } = this.#options
    const endpoint = cluster.current
    const stream: Stream = {
      outgoing: new Outgoing(),
      abort: new AbortController(),
      sent: [],
      watchdog: undefined,
    }
    this.#stream = stream
    // Sent first: the time that connecting takes counts too.
    this.#send(stream)
    const headers = await cluster.headers(endpoint, stream.abort.signal)
    return endpoint.api.lease.leaseKeepAlive(stream.outgoing, {
      signal: stream.abort.signal,
      // A server that lost its majority says so, instead of saying nothing.
      headers: { ...headers, hasleader: 'true' },
    })
  }

  #send(stream: Stream): void {
    const { cluster, lease } = this.#options
    stream.sent.push(cluster.clock.upper())
    stream.outgoing.push({ ID: lease })
    if (stream.sent.length === 1) this.#watch(stream)
    this.#beat?.cancel()
    this.#beat = cluster.clock.setTimer(this.#renewal.grantedMs * BEAT_SHARE, () => {
      if (this.#stream !== undefined) this.#send(this.#stream)
    })
  }

  /** Ends the stream when its oldest request waits too long. */
  #watch(stream: Stream): void {
    const { clock } = this.#options.cluster
    stream.watchdog?.cancel()
    const [oldest] = stream.sent
    if (oldest === undefined) return
    const patienceMs = this.#renewal.grantedMs * PATIENCE_SHARE
    const leftMs = Math.max(0, oldest.monotonicMs + patienceMs - clock.upper().monotonicMs)
    stream.watchdog = clock.setTimer(leftMs, () => {
      // After a stall the answer may be there, and only not read.
      stream.watchdog = clock.afterPoll(() => {
        if (stream.sent[0] === oldest) stream.abort.abort(new NoAnswer(patienceMs))
      })
    })
  }

  /** Whether the lease lives. */
  #answered(reply: LeaseKeepAliveResponse): boolean {
    const stream = this.#stream
    const sentAt = stream?.sent.shift()
    if (this.#stopped || stream === undefined || sentAt === undefined) return !this.#stopped
    if (reply.TTL <= 0n) {
      this.#gone()
      return false
    }
    if (!this.#options.cluster.isPresent(reply.header?.raftTerm ?? 0n))
      throw new Error('a server that leads no longer answered a renewal')
    this.#watch(stream)
    this.#troubled = false
    this.#renewal = { sentAt, grantedMs: Number(reply.TTL) * 1000 }
    this.#options.renewed(this.#renewal)
    this.#wake()
    return true
  }

  #gone(): void {
    this.stop()
    this.#options.gone()
  }

  #endStream(): void {
    const stream = this.#stream
    this.#stream = undefined
    stream?.watchdog?.cancel()
    stream?.outgoing.end()
    stream?.abort.abort(new Error(reasonOf('the stream is not needed any more')))
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
