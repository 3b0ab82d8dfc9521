/**
 * What one process knows of one Lease: from answers, from a watch, and from what it wrote itself. They come on several
 * connections and overtake each other, so what is known goes back in one case only: when the API server, asked after all
 * of that, says something older (a cluster restored from a backup).
 */
import type { LeaseSeen } from '../backend.ts'
import { MandateError } from '../../errors.ts'
import { acquisitionOf, readLease } from './lease-object.ts'
import type { LeaseVersion } from './lease-path.ts'
import type { KubernetesObject, LockFormat } from './lock-format.ts'

export interface KnownLeaseOptions {
  readonly format: LockFormat
  readonly tokenBase: bigint
  /** For Leases without a duration. */
  readonly leaseMs: number
}

interface State {
  readonly object: KubernetesObject
  /** Null: it was deleted since. */
  readonly version: LeaseVersion
  /** The newest resourceVersion heard of, that of the deletion included. */
  readonly newest: bigint
  /** The leadership in force, and its token. */
  readonly acquisition: { readonly key: string; readonly token: bigint }
}

export class KnownLease {
  readonly #options: KnownLeaseOptions
  #state: State | undefined
  #news = 0

  constructor(options: KnownLeaseOptions) {
    this.#options = options
  }

  /** Null: never seen. */
  get object(): KubernetesObject | null {
    return this.#state?.object ?? null
  }

  get version(): LeaseVersion {
    return this.#state?.version ?? null
  }

  /** Of the leadership in force. */
  get token(): bigint {
    return this.#state?.acquisition.token ?? 0n
  }

  /** To be noted before asking: an answer is no news to whoever learned something since. */
  get news(): number {
    return this.#news
  }

  /** What the API server answered to who asked when `news` was this. */
  answered(object: KubernetesObject | null, askedAt: number): LeaseSeen<LeaseVersion> {
    const state = this.#state
    if (object === null) {
      if (state !== undefined && this.#news === askedAt) this.#state = { ...state, version: null }
    } else if (state === undefined || this.#news === askedAt || numberOf(object) >= state.newest) {
      this.#adopt(object)
    }
    return this.seen()
  }

  /** What a watch told. Undefined: it is no news. */
  pushed(object: KubernetesObject, event: 'changed' | 'deleted'): LeaseSeen<LeaseVersion> | undefined {
    const state = this.#state
    const number = numberOf(object)
    if (state !== undefined && number <= state.newest) return undefined
    this.#news++
    if (event === 'changed') this.#adopt(object)
    else if (state !== undefined) this.#state = { ...state, version: null, newest: number }
    return this.seen()
  }

  /** What the API server made of our write. `renews`: the token of a leadership that goes on. */
  wrote(
    object: KubernetesObject,
    renews: bigint | null,
  ): { readonly version: string; readonly token: bigint } {
    const version = versionOf(object)
    const token = renews ?? this.#options.tokenBase + BigInt(version)
    const acquisition = { key: acquisitionOf(object, this.#options.format), token }
    this.#news++
    const state = this.#state
    if (state === undefined || BigInt(version) >= state.newest) {
      this.#state = { object, version, newest: BigInt(version), acquisition }
    } else if (state.acquisition.key === acquisition.key) {
      // A watch was faster, with a later change to our own leadership: that showed no token of it.
      this.#state = { ...state, acquisition }
    }
    return { version, token }
  }

  seen(): LeaseSeen<LeaseVersion> {
    if (this.#state === undefined) return { record: null, version: null, token: 0n }
    const { object, version, acquisition } = this.#state
    const { record } = readLease(object, this.#options.leaseMs, this.#options.format)
    // Deleted by somebody, which takes no leadership away: its holder may go on, so the rest of its lease is waited out.
    const isGone = version === null && record.holder === ''
    return { record: isGone ? null : record, version, token: acquisition.token }
  }

  #adopt(object: KubernetesObject): void {
    const { format, tokenBase, leaseMs } = this.#options
    const version = versionOf(object)
    const { record, token } = readLease(object, leaseMs, format)
    const key = acquisitionOf(object, format)
    const before = this.#state?.acquisition
    // What was told once is told again. Whoever writes no token down (client-go never, we before the first renewal) has
    // that of the version that first showed its leadership: above its predecessor's and below its successor's.
    const written = record.holder === '' ? null : token
    const shown = tokenBase + (written ?? BigInt(version))
    const acquisition = { key, token: before?.key === key ? before.token : shown }
    this.#state = { object, version, newest: BigInt(version), acquisition }
  }
}

function numberOf(object: KubernetesObject): bigint {
  return BigInt(versionOf(object))
}

/** Decimal and growing over the whole cluster (KEP-5504), so it serves as a token. */
function versionOf({ metadata }: KubernetesObject): string {
  const version = metadata?.resourceVersion ?? ''
  if (/^[0-9]{1,40}$/.test(version)) return version
  const reason = `resourceVersion ${JSON.stringify(version)} is no decimal number`
  throw new MandateError('PROTOCOL_ERROR', `the API server sent an object whose ${reason}`, { reason })
}
