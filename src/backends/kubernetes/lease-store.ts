/**
 * Leases of one namespace as a store of records with conditional writes. The version of a record is the Lease's
 * `resourceVersion`; what a watch delivered serves the next read, because a write is conditional on its version anyway:
 * a stale watch can delay a takeover, never split an election.
 */
import { MandateError } from '../../errors.ts'
import type { BackendEnv, Cancellable, LeaseRecord, LeaseStore, LeaseWrite } from '../backend.ts'
import type { ApiClient, ApiRequest } from './api-client.ts'
import { ApiFailure } from './api-failure.ts'
import { readLease, writeLease, type LeaseObject } from './lease-object.ts'
import { leasesPath, type LeaseVersion } from './lease-path.ts'
import { watchLease } from './lease-watching.ts'
import { pause } from '../settled.ts'
import { asMandateError } from './refusals.ts'

export interface LeaseStoreOptions {
  readonly client: ApiClient
  readonly env: BackendEnv
  readonly server: string
  readonly namespace: string
  /** The Lease of an election. */
  readonly leaseOf: (election: string) => string
  readonly scope: string
  readonly tokenBase: bigint
  /** For Leases without a duration. */
  readonly leaseMs: number
  /** How often to look where watching is forbidden. */
  readonly pollMs: number
}

/** What is known of one Lease. */
interface Known {
  object: LeaseObject
  version: LeaseVersion
  /** Delivered by the watch and not read yet; `null`: deleted. */
  pushed: LeaseObject | null | undefined
  /** The leadership in force, and the version at which we first saw it. */
  acquisition: { readonly key: string; readonly token: bigint }
}

export class KubernetesLeases implements LeaseStore<LeaseVersion> {
  readonly scope: string
  readonly #options: LeaseStoreOptions
  readonly #known = new Map<string, Known>()
  /** By `lower()`: the server asked not to be asked before. */
  #quietUntilMs = Number.NEGATIVE_INFINITY

  constructor(options: LeaseStoreOptions) {
    this.#options = options
    this.scope = options.scope
  }

  async read(
    election: string,
    o: Cancellable,
  ): Promise<{
    readonly record: LeaseRecord | null
    readonly version: LeaseVersion
    readonly token: bigint
  }> {
    const lease = this.#options.leaseOf(election)
    const known = this.#known.get(lease)
    if (known?.pushed !== undefined) {
      const { pushed } = known
      known.pushed = undefined
      return this.#seen(lease, pushed)
    }
    return this.#seen(lease, await this.#get(lease, o))
  }

  async write(
    election: string,
    next: LeaseRecord,
    expect: LeaseVersion,
    o: Cancellable,
  ): Promise<LeaseWrite<LeaseVersion>> {
    const { env, namespace, tokenBase } = this.#options
    const lease = this.#options.leaseOf(election)
    const known = this.#known.get(lease)
    if (expect !== (known?.version ?? null)) return { is: 'conflict' }
    const token =
      known !== undefined && renews(known, next, this.#options.leaseMs) ? known.acquisition.token : null
    const object = writeLease({
      base: known === undefined ? null : expect === null ? unborn(known.object) : known.object,
      next,
      name: lease,
      namespace,
      wallMs: env.clock.wallMs(),
      token: token === null ? null : token - tokenBase,
    })
    const path = leasesPath(namespace)
    try {
      const written = (await this.#call({
        method: expect === null ? 'POST' : 'PUT',
        path: expect === null ? path : `${path}/${lease}`,
        body: object,
        signal: signalOf(o),
      })) as LeaseObject
      const version = versionOf(written)
      const applied = token ?? tokenBase + BigInt(version)
      this.#known.set(lease, {
        object: written,
        version,
        pushed: undefined,
        acquisition: { key: acquisitionOf(written), token: applied },
      })
      return { is: 'applied', version, token: applied }
    } catch (error) {
      return this.#notApplied(error, lease)
    }
  }

  /** Never ends but by its signal: it reconnects by itself, and where it may not watch it polls. */
  watch(election: string, from: LeaseVersion, changed: () => void, o: Cancellable): Promise<never> {
    const { client, env, namespace, server, pollMs, leaseMs } = this.#options
    const lease = this.#options.leaseOf(election)
    return watchLease({
      client,
      env,
      target: { server, namespace, lease },
      from,
      pollMs,
      // Renewals are the heartbeat of a watch; one that missed several of them is dead.
      silenceMs: 2 * leaseMs,
      signal: signalOf(o),
      told: (object) => {
        if (this.#push(lease, object)) changed()
      },
      lost: changed,
    })
  }

  /** For the guard of a dead holder: releases what is still held by this process. */
  async release(
    lease: string,
    id: string,
    incarnation: string,
    o: Cancellable,
  ): Promise<'released' | 'gone'> {
    const { namespace, env } = this.#options
    for (;;) {
      const base = await this.#get(lease, o)
      if (base === null) return 'gone'
      const { record } = readLease(base, this.#options.leaseMs)
      if (record.holder !== id || record.incarnation !== incarnation) return 'gone'
      const next = { ...record, holder: '', incarnation: '', metadata: {} }
      const body = writeLease({ base, next, name: lease, namespace, wallMs: env.clock.wallMs(), token: null })
      try {
        await this.#call({
          method: 'PUT',
          path: `${leasesPath(namespace)}/${lease}`,
          body,
          signal: signalOf(o),
        })
        return 'released'
      } catch (error) {
        // Somebody wrote in between, perhaps the dead process's last renewal: look again.
        if (!(error instanceof ApiFailure && error.status === 409)) throw this.#told(error, 'update', lease)
      }
    }
  }

  async #get(lease: string, o: Cancellable): Promise<LeaseObject | null> {
    const path = `${leasesPath(this.#options.namespace)}/${lease}`
    try {
      return (await this.#call({ method: 'GET', path, signal: signalOf(o) })) as LeaseObject
    } catch (error) {
      if (error instanceof ApiFailure && error.status === 404) return null
      throw this.#told(error, 'get', lease)
    }
  }

  /** A request that has to wait does so within the caller's time, so that no deadline is passed for politeness. */
  async #call(request: ApiRequest): Promise<unknown> {
    const { client, env } = this.#options
    const quietMs = this.#quietUntilMs - env.clock.lower()
    if (quietMs > 0) await pause(env.clock, quietMs, request.signal)
    try {
      return await client.call(request)
    } catch (error) {
      if (error instanceof ApiFailure && error.retryAfterMs !== undefined) {
        this.#quietUntilMs = env.clock.lower() + error.retryAfterMs
      }
      throw error
    }
  }

  /** What a request or a watch showed becomes what is known. */
  #seen(
    lease: string,
    object: LeaseObject | null,
  ): { readonly record: LeaseRecord | null; readonly version: LeaseVersion; readonly token: bigint } {
    const { leaseMs, tokenBase } = this.#options
    const before = this.#known.get(lease)
    if (object === null) {
      if (before === undefined) return { record: null, version: null, token: 0n }
      // Deleted by somebody, which takes no leadership away: its holder may go on, so the rest of its lease is waited out.
      before.version = null
      before.pushed = undefined
      const { record } = readLease(before.object, leaseMs)
      const isFree = record.holder === ''
      return { record: isFree ? null : record, version: null, token: before.acquisition.token }
    }
    const version = versionOf(object)
    const { record, token } = readLease(object, leaseMs)
    const key = acquisitionOf(object)
    // A foreign holder writes no token down. The first version that showed its leadership lies above its predecessor's
    // token and below its successor's; and what was told once is told again.
    const first = before?.acquisition.key === key ? before.acquisition.token : tokenBase + BigInt(version)
    const acquisition = { key, token: token === null || record.holder === '' ? first : tokenBase + token }
    this.#known.set(lease, { object, version, pushed: undefined, acquisition })
    return { record, version, token: acquisition.token }
  }

  /** True if it is news: newer than what is known, our own writes included. */
  #push(lease: string, object: LeaseObject | null): boolean {
    const known = this.#known.get(lease)
    if (known === undefined) return true
    if (object === null) {
      if (known.version === null) return false
      known.pushed = null
      return true
    }
    const newest = known.pushed ?? (known.version === null ? undefined : known.object)
    if (newest !== undefined && BigInt(versionOf(object)) <= BigInt(versionOf(newest))) return false
    known.pushed = object
    return true
  }

  #notApplied(error: unknown, lease: string): LeaseWrite<LeaseVersion> {
    const status = error instanceof ApiFailure ? error.status : 0
    // 404: deleted since it was read; 409 also for a creation that came second.
    if (status === 404 || status === 409) return { is: 'conflict' }
    // The server says these before it does anything. A 5xx may come from a server that wrote and then failed.
    const surelyNot = status >= 400 && status < 500 && status !== 408
    const told = this.#told(error, 'update', lease)
    return surelyNot ? { is: 'rejected', error: told } : { is: 'unknown', error: told }
  }

  #told(error: unknown, verb: string, lease: string): unknown {
    const { server, namespace } = this.#options
    return asMandateError(error, verb, { server, namespace, lease })
  }
}

function renews({ object }: Known, next: LeaseRecord, leaseMs: number): boolean {
  const { record } = readLease(object, leaseMs)
  const { holder, incarnation, transitions } = next
  return (
    holder !== '' &&
    holder === record.holder &&
    incarnation === record.incarnation &&
    transitions === record.transitions
  )
}

/** One leadership: a renewal changes none of these, an acquisition changes at least one. */
function acquisitionOf({ metadata, spec }: LeaseObject): string {
  return JSON.stringify([metadata?.uid, spec?.holderIdentity, spec?.acquireTime, spec?.leaseTransitions])
}

/** For writing a deleted Lease again: what belonged to the old object only goes. */
function unborn(object: LeaseObject): LeaseObject {
  const {
    uid: _u,
    resourceVersion: _r,
    creationTimestamp: _c,
    managedFields: _m,
    ...metadata
  } = object.metadata ?? {}
  return { ...object, metadata }
}

/** Decimal and growing over the whole cluster (KEP-5504), so it serves as a token. */
function versionOf({ metadata }: LeaseObject): string {
  const version = metadata?.resourceVersion ?? ''
  if (/^[0-9]{1,40}$/.test(version)) return version
  const reason = `resourceVersion ${JSON.stringify(version)} is no decimal number`
  throw new MandateError('PROTOCOL_ERROR', `the API server sent a Lease whose ${reason}`, { reason })
}

function signalOf({ signal }: Cancellable): AbortSignal {
  return signal ?? new AbortController().signal
}
