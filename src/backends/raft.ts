/**
 * Elections by an embedded Raft cluster: every process that is listed in `peers` votes and may stand; other processes
 * stand as clients through any peer. No other service is needed.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { raftWire } from '../cluster/wire.ts'
import { resolveTiming } from '../lease/timing.ts'
import { systemClock } from '../system/clock.ts'
import type { ClusterView, EmbeddedBackend, StatusRequest } from './cluster-view.ts'
import { defineBackend } from './define-backend.ts'
import { peerEdges } from './peer-edges.ts'
import { RaftDriver } from './raft-driver.ts'
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
  const identity = identityOf(options, cluster)
  const { heartbeatMs } = timing
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
        { ...peerEdges(options, raftWire, { cluster: identity, heartbeatMs, env }), warmsUp: true },
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
