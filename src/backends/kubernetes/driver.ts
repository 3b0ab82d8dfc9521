/** The Kubernetes backend over an API client: one store of Leases for each session. */
import { createHash } from 'node:crypto'
import type {
  BackendDriver,
  BackendEnv,
  BackendFacts,
  Cancellable,
  LeaseTiming,
  Observer,
  Session,
  SessionRequest,
  SessionTicket,
} from '../backend.ts'
import { leaseObserver, leaseSession } from '../lease-session.ts'
import { settledOrAborted } from '../settled.ts'
import { MandateError } from '../../errors.ts'
import { intervalsOf, type LeasePace } from '../../lease/pace.ts'
import type { ClusterAccess } from './access/access.ts'
import { Announcements } from './announcing.ts'
import type { AnnouncementOptions } from './announcing.ts'
import { apiClient, type ApiClient } from './api-client.ts'
import { ApiFailure } from './api-failure.ts'
import { checkedLeaseName } from './lease-name.ts'
import { leaseReport, type KubernetesLease } from './lease-report.ts'
import { LeaseRequests } from './lease-requests.ts'
import { KubernetesLeases } from './lease-store.ts'
import { lockFormats, type LockKind } from './lock-format.ts'
import { scaledPace } from './pace-options.ts'

export const kubernetesFacts: BackendFacts = {
  guarantee: 'linearizable',
  exclusivity: ['time'],
  tokenSource: 'resourceVersion of the acquiring write',
  order: 'race',
  transfer: 'hint',
  proclaim: true,
  earlyLoss: ['operator'],
  // One second is the shortest duration that a Lease can say. Names: DNS-1123 subdomains.
  limits: { minLeaseMs: 1000, nameBytes: 253, metadataBytes: 4096, nestedNames: false },
}

export interface KubernetesDriverOptions {
  readonly access: (o: { readonly ended: AbortSignal }) => Promise<ClusterAccess>
  readonly namespace: string | undefined
  /** For every election, instead of its name. */
  readonly lease: string | undefined
  readonly lock: LockKind
  readonly scope: string | undefined
  readonly timing: LeaseTiming
  readonly pace: LeasePace
  readonly tokenBase: bigint
  /** Undefined: nothing is announced. The namespace is that of the access. */
  readonly announce: ((namespace: string) => AnnouncementOptions) | undefined
}

/** Longer than any timer: a waiting candidate looks when it is told to, or when the lease it sees has run out. */
const NEVER_MS = 2 ** 30

const REACHED_WITHIN_MS = 5000

interface Connection {
  readonly access: ClusterAccess
  readonly client: ApiClient
  readonly namespace: string
  readonly scope: string
  readonly announcements: Announcements | undefined
}

/** What a guard needs to release the Leases of a dead process. */
interface Ticket {
  readonly id: string
  readonly incarnation: string
  readonly leases: readonly string[]
}

export class KubernetesDriver implements BackendDriver {
  readonly facts = kubernetesFacts
  readonly #options: KubernetesDriverOptions
  readonly #env: BackendEnv
  readonly #ended = new AbortController()
  readonly #stores = new Set<KubernetesLeases>()
  #connection: Connection | undefined

  constructor(options: KubernetesDriverOptions, env: BackendEnv) {
    this.#options = options
    this.#env = env
  }

  async start(o: Cancellable): Promise<void> {
    // A KubeConfig of the application's may ask a program, or another service, for its credentials.
    const access = await settledOrAborted(this.#options.access({ ended: this.#ended.signal }), o.signal)
    const client = apiClient(access)
    const namespace = this.#options.namespace ?? access.namespace
    const scope = this.#options.scope ?? scopeOf(access, namespace)
    const announce = this.#options.announce?.(access.namespace)
    const about = { namespace, format: lockFormats[this.#options.lock] }
    const announcements = announce && new Announcements(access, this.#env, about, announce)
    this.#connection = { access, client, namespace, scope, announcements }
    try {
      await this.#reach(client, access.server, o)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  open(request: SessionRequest, _o: Cancellable): Promise<Session> {
    /** Election by Lease. */
    const leases = new Map<string, string>()
    const incarnation = this.#env.random.id()
    const pace = this.#pace(request.leaseMs)
    const store = this.#store(pace)
    const { timing } = this.#options
    const session = leaseSession(store, this.#env, request, {
      timing,
      ...intervalsOf(pace),
      pollMs: NEVER_MS,
      incarnation,
    })
    this.#stores.add(store)
    return Promise.resolve({
      scope: session.scope,
      enter: (candidacy, on) => {
        const lease = checkedLeaseName(this.#leaseOf(candidacy.election))
        const other = leases.get(lease) ?? candidacy.election
        if (other !== candidacy.election) throw twoElections(lease, other, candidacy.election)
        leases.set(lease, other)
        const { announcements } = this.#connected()
        const about = { candidateId: request.candidateId, lease }
        return announcements?.enter(session, candidacy, on, about) ?? session.enter(candidacy, on)
      },
      observe: (election, on) => {
        checkedLeaseName(this.#leaseOf(election))
        return session.observe(election, on)
      },
      ticket: () => ({
        session: JSON.stringify({
          id: request.candidateId,
          incarnation,
          leases: [...leases.keys()],
        } satisfies Ticket),
      }),
      close: async (o) => {
        await session.close(o)
        this.#stores.delete(store)
      },
    })
  }

  openObserver(): Promise<Observer & { close(): Promise<void> }> {
    const { timing } = this.#options
    const pace = this.#pace(undefined)
    const store = this.#store(pace)
    const observer = leaseObserver(store, this.#env, { timing, ...intervalsOf(pace), pollMs: NEVER_MS })
    this.#stores.add(store)
    return Promise.resolve({
      scope: observer.scope,
      close: async () => {
        await observer.close()
        this.#stores.delete(store)
      },
      observe: (election, on) => {
        checkedLeaseName(this.#leaseOf(election))
        return observer.observe(election, on)
      },
    })
  }

  async releaseSession(ticket: SessionTicket, o: Cancellable): Promise<'released' | 'gone'> {
    const { id, incarnation, leases } = JSON.parse(ticket.session) as Ticket
    const store = this.#store(this.#pace(undefined))
    const ends = await Promise.all(leases.map((lease) => store.release(lease, id, incarnation, o)))
    return ends.includes('released') ? 'released' : 'gone'
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    await connection?.announcements?.close()
    this.#ended.abort()
    await connection?.client.close()
  }

  /** As it was seen last by anybody here; undefined: never. */
  lease(election: string): KubernetesLease | undefined {
    const namespace = this.#connection?.namespace
    if (namespace === undefined) return undefined
    const name = this.#leaseOf(election)
    const reports = [...this.#stores].flatMap((store) => {
      const object = store.object(election)
      return object === undefined
        ? []
        : [leaseReport(object, lockFormats[this.#options.lock], { name, namespace })]
    })
    return reports.toSorted((a, b) =>
      Number(BigInt(b.resourceVersion ?? 0) - BigInt(a.resourceVersion ?? 0)),
    )[0]
  }

  #pace(leaseMs: number | undefined): LeasePace {
    const { pace } = this.#options
    return leaseMs === undefined ? pace : scaledPace(pace, leaseMs)
  }

  #leaseOf(election: string): string {
    return this.#options.lease ?? election
  }

  #store({ leaseMs, retryMs }: LeasePace): KubernetesLeases {
    const { client, access, namespace, scope } = this.#connected()
    const { server } = access
    const format = lockFormats[this.#options.lock]
    const { clock } = this.#env
    return new KubernetesLeases({
      requests: new LeaseRequests({ client, clock, format, server, namespace, patienceMs: leaseMs }),
      env: this.#env,
      format,
      leaseOf: (election) => this.#leaseOf(election),
      scope,
      tokenBase: this.#options.tokenBase,
      leaseMs,
      retryMs,
    })
  }

  #connected(): Connection {
    if (this.#connection !== undefined) return this.#connection
    throw new MandateError('CLOSED', 'the backend is not started', { what: 'backend' })
  }

  /** Anybody may ask for the version, so that a wrong address is told from missing rights. */
  async #reach(client: ApiClient, server: string, { signal }: Cancellable): Promise<void> {
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    const timer = this.#env.clock.setTimer(REACHED_WITHIN_MS, abort)
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await client.call({ method: 'GET', path: '/version', signal: controller.signal })
    } catch (error) {
      if (signal?.aborted === true)
        throw new MandateError('CANCELLED', 'cancelled', { reason: signal.reason as unknown })
      // Whoever answers at all is there; what the rest is worth, the first request for a Lease will say.
      if (error instanceof ApiFailure && error.status > 0) return
      const reason = error instanceof Error ? error.message : String(error)
      const message = `the API server cannot be reached: ${reason}`
      throw new MandateError(
        'BACKEND_UNAVAILABLE',
        message,
        { tried: [{ target: server, reason }] },
        { cause: error },
      )
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', abort)
    }
  }
}

/** In the Lease the candidacies of one process look alike: each would take the other's leadership for its own. */
function twoElections(lease: string, first: string, second: string): MandateError<'INVALID_OPTIONS'> {
  const message = `the option lease is '${lease}', and both '${first}' and '${second}' would stand on it: give each its own backend`
  return new MandateError('INVALID_OPTIONS', message, { option: 'lease', value: lease })
}

/**
 * Tokens compare within one cluster. Its authorities are the one thing that pods and kubeconfigs know alike; two
 * clusters share none.
 */
function scopeOf({ authorities, server }: ClusterAccess, namespace: string): string {
  const pem = (authorities() ?? server).replace(/\s+/g, '')
  return `kubernetes/${createHash('sha256').update(pem).digest('hex').slice(0, 16)}/${namespace}`
}
