/** The backend's driver for etcd: opens leases, and knows nothing of deadlines, aborts or retries of candidates. */
import type { ConnectionOptions } from 'node:tls'
import type {
  BackendDriver,
  BackendEnv,
  Cancellable,
  LeaseTiming,
  Observer,
  SessionRequest,
  SessionTicket,
} from '../backend.ts'
import { MandateError } from '../../errors.ts'
import { plainObserver } from '../observations.ts'
import { EtcdCluster } from './cluster.ts'
import { etcdFacts } from './facts.ts'
import { isLeaseGone } from './failures.ts'
import type { Layout } from './layout.ts'
import { Link } from './link.ts'
import { EtcdSession } from './session.ts'
import { ElectionViews } from './views.ts'
import { WatchHub } from './watch-hub.ts'

/** How long opening may take. */
const OPEN_MS = 5000
const ATTEMPT_MIN_MS = 500
const ATTEMPT_MAX_MS = 3000
/** Of the lease; more than lies between two renewals, so that those are check enough. */
const CHECK_SHARE = 0.4

export interface EtcdDriverOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly authorities: readonly string[]
  readonly tls: ConnectionOptions
  readonly credentials: { readonly user: string; readonly password: string } | undefined
  readonly layout: Layout
  readonly tokenBase: bigint
  readonly timing: LeaseTiming
}

interface Connected {
  readonly cluster: EtcdCluster
  readonly hub: WatchHub
  readonly views: ElectionViews
}

export class EtcdDriver implements BackendDriver {
  readonly facts = etcdFacts
  readonly #options: EtcdDriverOptions
  readonly #env: BackendEnv
  #connected: Connected | undefined
  #toldOfRaise = false

  constructor(options: EtcdDriverOptions, env: BackendEnv) {
    this.#options = options
    this.#env = env
  }

  /** Loads the gRPC library; connects to nobody yet. */
  async start(): Promise<void> {
    const { etcdApi } = await import('./grpc.ts')
    const { authorities, tls, credentials, layout, tokenBase, timing } = this.#options
    const { clock, random } = this.#env
    const heard: EtcdCluster['heard'] = (header) => cluster.heard(header)
    const endpoints = authorities.map((authority) => {
      const link = new Link(authority, tls, () => clock.lower())
      return { link, api: etcdApi(link, heard) }
    })
    const attemptMs = Math.min(ATTEMPT_MAX_MS, Math.max(ATTEMPT_MIN_MS, timing.leaseMs / 3))
    const cluster: EtcdCluster = new EtcdCluster({ endpoints, credentials, attemptMs, clock, random })
    const hub = new WatchHub(cluster, Math.max(ATTEMPT_MIN_MS, timing.leaseMs * CHECK_SHARE))
    const views = new ElectionViews({ cluster, hub, layout, tokenBase, patienceMs: timing.leaseMs })
    this.#connected = { cluster, hub, views }
  }

  async open(request: SessionRequest, { signal }: Cancellable): Promise<EtcdSession> {
    const { cluster, hub, views } = this.#use()
    const { layout, tokenBase, timing } = this.#options
    const TTL = BigInt(Math.ceil((request.leaseMs ?? timing.leaseMs) / 1000))
    const granted = await cluster.call(
      async ({ lease }, context) => {
        const sentAt = this.#env.clock.upper()
        return { sentAt, reply: await lease.leaseGrant({ TTL }, context) }
      },
      { signal, withinMs: OPEN_MS },
    )
    const { sentAt, reply } = granted
    this.#tellOfRaise(TTL, reply.TTL)
    return new EtcdSession({
      ...{ cluster, hub, views, layout, tokenBase, timing },
      env: this.#env,
      candidateId: request.candidateId,
      scope: scopeOf(reply.header?.clusterId),
      lease: reply.ID,
      at: reply.header?.revision ?? 0n,
      first: { sentAt, grantedMs: Number(reply.TTL) * 1000 },
    })
  }

  async openObserver({ signal }: Cancellable): Promise<Observer & { close(): Promise<void> }> {
    const { cluster, views } = this.#use()
    // Of a lease that nobody has: the answer carries the cluster's id, and no permission on any key is needed.
    const { header } = await cluster.call(
      ({ lease }, context) => lease.leaseTimeToLive({ ID: 1n }, context),
      {
        signal,
        withinMs: OPEN_MS,
      },
    )
    return plainObserver(scopeOf(header?.clusterId), (election, on) => views.observe(election, on))
  }

  async releaseSession({ session }: SessionTicket, { signal }: Cancellable): Promise<'released' | 'gone'> {
    const { cluster } = this.#use()
    if (!/^\d{1,19}$/.test(session)) {
      const reason = `the ticket '${session}' names no etcd lease`
      throw new MandateError('PROTOCOL_ERROR', reason, { reason })
    }
    const ID = BigInt(session)
    try {
      await cluster.call(({ lease }, context) => lease.leaseRevoke({ ID }, context), {
        signal,
        withinMs: OPEN_MS,
      })
      return 'released'
    } catch (error) {
      if (isLeaseGone(error)) return 'gone'
      throw error
    }
  }

  async close(): Promise<void> {
    const connected = this.#connected
    connected?.views.close()
    connected?.hub.close()
    await connected?.cluster.close()
  }

  #use(): Connected {
    if (this.#connected !== undefined) return this.#connected
    throw new MandateError('INTERNAL', 'the driver was not started', { reason: 'not started' })
  }

  #tellOfRaise(asked: bigint, granted: bigint): void {
    if (granted <= asked || this.#toldOfRaise) return
    this.#toldOfRaise = true
    const message = `etcd grants leases of ${granted} s at least, so that of ${asked} s which was asked for lasts ${granted} s`
    const error = new MandateError('INVALID_OPTIONS', message, {
      option: 'ttlMs',
      value: Number(asked) * 1000,
    })
    this.#env.report({ during: 'opening a session', error })
  }
}

/** Tokens of two clusters do not compare. */
function scopeOf(clusterId: bigint | undefined): string {
  if (clusterId !== undefined && clusterId !== 0n) return clusterId.toString()
  const reason = 'etcd answered without the id of its cluster'
  throw new MandateError('PROTOCOL_ERROR', reason, { reason })
}
