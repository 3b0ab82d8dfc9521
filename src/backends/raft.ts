/**
 * Elections by an embedded Raft cluster: every process that is listed in `peers` votes and may stand; other processes
 * stand as clients through any peer. No other service is needed.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { logStorage } from '../cluster/log-storage.ts'
import { connectClient } from '../cluster/tcp-client.ts'
import { tcpTransport } from '../cluster/tcp-transport.ts'
import { resolveTiming } from '../lease/timing.ts'
import { systemClock } from '../system/clock.ts'
import type { BackendEnv } from './backend.ts'
import type { ClusterView, EmbeddedBackend, StatusRequest } from './cluster-view.ts'
import { defineBackend } from './define-backend.ts'
import { RaftDriver, type RaftEdges } from './raft-driver.ts'
import { checkRaftOptions, type RaftOptions } from './raft-options.ts'

export type { ClusterView } from './cluster-view.ts'
export type { RaftOptions } from './raft-options.ts'

export interface RaftBackend extends EmbeddedBackend {
  readonly engine: 'raft'
}

/** @throws INVALID_OPTIONS, NOT_A_PEER; when started: ADDRESS_IN_USE, INSECURE_LISTENER, DATA_DIR_IN_USE, DATA_CORRUPT, … */
export function raft(options: RaftOptions): RaftBackend {
  checkRaftOptions(options)
  const { peers } = options
  const timing = resolveTiming(options.timing ?? 'default')
  const cluster = options.cluster ?? clusterId(options)
  const driverOptions = {
    peers,
    cluster,
    timing,
    tuning: options.tuning,
    tokenBase: options.tokenBase ?? 0n,
    logBytesMax: options.logBytesMax ?? 256 * 1024 * 1024,
  }
  let driver!: RaftDriver
  const backend = defineBackend(
    (env) =>
      (driver = new RaftDriver(
        driverOptions,
        edges(options, identityOf(options, cluster), timing.heartbeatMs, env),
        env,
      )),
    {
      timing,
      defaultCandidateId: options.self,
      clock: options.clock ?? systemClock({ onClockStep: options.onClockStep ?? 'lose' }),
      random: options.random,
      onBackgroundFailure: options.onBackgroundFailure,
    },
  )
  const status = (o: StatusRequest = {}): Promise<ClusterView> => driver.status(o)
  return Object.assign(backend, { engine: 'raft', peers, cluster, status } as const)
}

/** `cluster` is what folders and handshakes compare. */
function edges(options: RaftOptions, cluster: string, heartbeatMs: number, env: BackendEnv): RaftEdges {
  const { self, peers, dataDir } = options
  const connect: RaftEdges['connectClient'] = (request) => connectClient({ ...request, cluster })
  if (self === undefined || dataDir === undefined) return { peer: null, connectClient: connect }
  const { clock, random } = env
  const report = env.report.bind(env)
  const listen = options.listen ?? peers[self] ?? ''
  const insecure = options.insecure ?? false
  return {
    connectClient: connect,
    warmsUp: true,
    peer: {
      self,
      storage: logStorage({ dataDir, cluster, peer: self, random, report }),
      transport: (identity) =>
        tcpTransport({
          ...identity,
          self,
          cluster,
          peers,
          listen,
          insecure,
          heartbeatMs,
          clock,
          random,
          report,
        }),
    },
  }
}

/** The same peers and token base give the same cluster; anything else must not mix with it. */
function clusterId({ peers, tokenBase = 0n }: RaftOptions): string {
  return hash([Object.entries(peers).toSorted(byId), tokenBase.toString()]).slice(0, 16)
}

/**
 * A name says nothing about what must agree. Who counts a majority of other voters, as a peer or as a client, could lead
 * beside another; who counts from another base could give an old token again. Addresses may differ.
 */
function identityOf({ peers, tokenBase = 0n, cluster: name }: RaftOptions, cluster: string): string {
  if (name === undefined) return cluster
  return `${name}~${hash([Object.keys(peers).toSorted(), tokenBase.toString()]).slice(0, 8)}`
}

function hash(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

function byId([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1
}
