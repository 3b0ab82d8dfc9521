/**
 * Leases of one namespace (or the older kinds of lock) as a store of records with conditional writes. The version of a
 * record is the object's `resourceVersion`. What a watch delivers is told as it is, because a write is conditional on its
 * version anyway: a stale watch can delay a takeover, never split an election.
 */
import type { BackendEnv, Cancellable, LeaseRecord, LeaseSeen, LeaseStore, LeaseWrite } from '../backend.ts'
import { MandateError } from '../../errors.ts'
import { ApiFailure } from './api-failure.ts'
import { KnownLease } from './known-lease.ts'
import { readLease, unborn, writeLease } from './lease-object.ts'
import type { LeaseVersion } from './lease-path.ts'
import type { LeaseRequests } from './lease-requests.ts'
import { watchLease } from './lease-watching.ts'
import type { KubernetesObject, LockFormat } from './lock-format.ts'

export interface LeaseStoreOptions {
  readonly requests: LeaseRequests
  readonly env: BackendEnv
  readonly format: LockFormat
  /** The Lease of an election. */
  readonly leaseOf: (election: string) => string
  readonly scope: string
  readonly tokenBase: bigint
  /** For Leases without a duration. */
  readonly leaseMs: number
  /** How often to look where watching is forbidden, and the longest pause before a watch that failed is opened anew. */
  readonly retryMs: number
}

/** A process that is dead has one last write under way at most; what goes on after that is no accident. */
const RELEASE_ATTEMPTS = 10

type Changed = (seen?: LeaseSeen<LeaseVersion>) => void

/** A Lease, and who follows it here. */
interface Followed {
  readonly known: KnownLease
  readonly watchers: Set<Changed>
}

export class KubernetesLeases implements LeaseStore<LeaseVersion> {
  readonly scope: string
  readonly #options: LeaseStoreOptions
  readonly #leases = new Map<string, Followed>()

  constructor(options: LeaseStoreOptions) {
    this.#options = options
    this.scope = options.scope
  }

  async read(election: string, o: Cancellable): Promise<LeaseSeen<LeaseVersion>> {
    const lease = this.#options.leaseOf(election)
    const { known } = this.#lease(lease)
    const askedAt = known.news
    return known.answered(await this.#options.requests.get(lease, o), askedAt)
  }

  async write(
    election: string,
    next: LeaseRecord,
    expect: LeaseVersion,
    o: Cancellable,
  ): Promise<LeaseWrite<LeaseVersion>> {
    const { env, format, tokenBase, requests } = this.#options
    const lease = this.#options.leaseOf(election)
    const { known, watchers } = this.#lease(lease)
    if (expect !== known.version) return { is: 'conflict' }
    const renews = isRenewal(known.seen().record, next) ? known.token : null
    const object = writeLease({
      format,
      base: expect === null && known.object !== null ? unborn(known.object) : known.object,
      next,
      name: lease,
      namespace: requests.namespace,
      wallMs: env.clock.wallMs(),
      token: renews === null ? null : renews - tokenBase,
    })
    try {
      const written = await requests.put(lease, object, expect, o)
      // Those who wait for silence time a version: to them, a write that gave none did not happen.
      if (written.metadata?.resourceVersion === expect) return { is: 'rejected', error: unchanged(lease) }
      const applied = known.wrote(written, renews)
      // Nobody else tells those who follow it here: the watch's own event is no news any more.
      for (const changed of watchers) changed(known.seen())
      return { is: 'applied', ...applied }
    } catch (error) {
      return notApplied(error, requests.told(error, 'update', lease))
    }
  }

  /** Never ends but by its signal: it reconnects by itself, and where it may not watch it polls. */
  async watch(election: string, from: LeaseVersion, changed: Changed, o: Cancellable): Promise<never> {
    const { requests, env, retryMs, leaseMs } = this.#options
    const lease = this.#options.leaseOf(election)
    const { known, watchers } = this.#lease(lease)
    watchers.add(changed)
    try {
      return await watchLease({
        requests,
        env,
        lease,
        from,
        retryMs,
        // Renewals are the heartbeat of a watch; one that missed several of them is dead.
        silenceMs: () => 2 * Math.max(leaseMs, known.seen().record?.leaseMs ?? 0),
        signal: o.signal ?? new AbortController().signal,
        told: (object, event) => {
          const seen = known.pushed(object, event)
          if (seen !== undefined) for (const each of watchers) each(seen)
        },
        lost: () => changed(),
      })
    } finally {
      watchers.delete(changed)
    }
  }

  /** For the guard of a dead holder: releases what is still held by this process. */
  async release(
    lease: string,
    id: string,
    incarnation: string,
    o: Cancellable,
  ): Promise<'released' | 'gone'> {
    const { env, format, requests, leaseMs } = this.#options
    for (let attempt = 1; ; attempt++) {
      const base = await requests.get(lease, o)
      if (base === null) return 'gone'
      const { record } = readLease(base, leaseMs, format)
      if (record.holder !== id || record.incarnation !== incarnation) return 'gone'
      const next = { ...record, holder: '', incarnation: '', metadata: {} }
      const { namespace } = requests
      const wallMs = env.clock.wallMs()
      const body = writeLease({ format, base, next, name: lease, namespace, wallMs, token: null })
      try {
        await requests.put(lease, body, base.metadata?.resourceVersion ?? null, o)
        return 'released'
      } catch (error) {
        // Somebody wrote in between, perhaps the dead process's last renewal: look again.
        const isConflict = error instanceof ApiFailure && error.status === 409
        if (!isConflict || attempt >= RELEASE_ATTEMPTS) throw requests.told(error, 'update', lease)
      }
    }
  }

  /** As it was seen last; undefined: never. */
  object(election: string): KubernetesObject | undefined {
    return this.#leases.get(this.#options.leaseOf(election))?.known.object ?? undefined
  }

  #lease(lease: string): Followed {
    const existing = this.#leases.get(lease)
    if (existing !== undefined) return existing
    const { format, tokenBase, leaseMs } = this.#options
    const made: Followed = { known: new KnownLease({ format, tokenBase, leaseMs }), watchers: new Set() }
    this.#leases.set(lease, made)
    return made
  }
}

/** As when the wall clock was set back to the very instant of the last write. */
function unchanged(lease: string): MandateError<'PROTOCOL_ERROR'> {
  const reason = `the write of '${lease}' changed nothing`
  return new MandateError('PROTOCOL_ERROR', `${reason}: the API server gave it no new version`, { reason })
}

function isRenewal(record: LeaseRecord | null, next: LeaseRecord): boolean {
  return (
    record !== null &&
    next.holder !== '' &&
    next.holder === record.holder &&
    next.incarnation === record.incarnation &&
    next.transitions === record.transitions
  )
}

function notApplied(error: unknown, told: unknown): LeaseWrite<LeaseVersion> {
  const status = error instanceof ApiFailure ? error.status : 0
  // 404: deleted since it was read; 409 also for a creation that came second.
  if (status === 404 || status === 409) return { is: 'conflict' }
  // The server says these before it does anything. A 5xx may come from a server that wrote and then failed.
  const surelyNot = status >= 400 && status < 500 && status !== 408
  return surelyNot ? { is: 'rejected', error: told } : { is: 'unknown', error: told }
}
