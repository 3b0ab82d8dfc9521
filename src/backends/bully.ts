/**
 * Embedded bully with a quorum: the candidate of the highest rank that a majority hears leads, by one durable vote per
 * epoch. No log, no leader of the cluster. Three or five processes with a folder each, and only they stand.
 */
import { createHash } from 'node:crypto'
import { logStorage } from '../cluster/log-storage.ts'
import { connectClientOf } from '../cluster/tcp-client.ts'
import { tcpTransportOf } from '../cluster/tcp-transport.ts'
import { resolveTiming } from '../lease/timing.ts'
import { systemClock } from '../system/clock.ts'
import type { Backend, BackendEnv } from './backend.ts'
import { defineBackend } from './define-backend.ts'
import type { ClusterView, StatusRequest } from './cluster-view.ts'
import { BullyDriver, type BullyEdges } from './bully/driver.ts'
import { bullyWire } from './bully/speech.ts'
import { checkRaftOptions, type RaftOptions } from './raft-options.ts'

export type { ClusterView } from './cluster-view.ts'

/** As those of `raft()`; the folder stays small, so nothing bounds it. */
export type BullyOptions = Omit<RaftOptions, 'logBytesMax'>

export interface BullyBackend extends Backend {
  readonly peers: Readonly<Record<string, string>>
  readonly cluster: string
  /** Asks every peer for its view; stands in no election. A peer that does not answer in time is listed as silent. */
  status(o?: StatusRequest): Promise<ClusterView>
}

/** @throws INVALID_OPTIONS, NOT_A_PEER; when started: ADDRESS_IN_USE, INSECURE_LISTENER, DATA_DIR_IN_USE, DATA_CORRUPT, … */
export function bully(options: BullyOptions): BullyBackend {
  checkRaftOptions(options, ['logBytesMax'])
  const { peers, tokenBase = 0n } = options
  const timing = resolveTiming(options.timing ?? 'default')
  const cluster = options.cluster ?? hash([Object.entries(peers).toSorted(byId), tokenBase]).slice(0, 16)
  let driver!: BullyDriver
  const backend = defineBackend(
    (env) =>
      (driver = new BullyDriver(
        { peers, cluster, timing, tokenBase },
        edges(options, identityOf(options, cluster), env),
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
  return Object.assign(backend, { peers, cluster, status: (o: StatusRequest = {}) => driver.status(o) })
}

/** `cluster` is what folders and handshakes compare. */
function edges(options: BullyOptions, cluster: string, env: BackendEnv): BullyEdges {
  const { self, peers, dataDir } = options
  const dial = connectClientOf(bullyWire)
  const connectClient: BullyEdges['connectClient'] = (request) => dial({ ...request, cluster })
  if (self === undefined || dataDir === undefined) return { peer: null, connectClient }
  const { clock, random } = env
  const report = env.report.bind(env)
  const listen = options.listen ?? peers[self] ?? ''
  const insecure = options.insecure ?? false
  return {
    connectClient,
    peer: {
      self,
      storage: logStorage({ dataDir, cluster, peer: self, random, report }),
      transport: (identity) =>
        tcpTransportOf(bullyWire, {
          ...identity,
          self,
          cluster,
          peers,
          listen,
          insecure,
          clock,
          random,
          report,
        }),
    },
  }
}

/** A name says nothing about what must agree: the voters, the base of the tokens, and what decides. */
function identityOf({ peers, tokenBase = 0n, cluster: name }: BullyOptions, cluster: string): string {
  if (name === undefined) return cluster
  return `${name}~${hash([Object.keys(peers).toSorted(), tokenBase]).slice(0, 8)}`
}

/** Not the same as Raft's for the same peers: a folder of the one is nothing to the other. */
function hash([peers, tokenBase]: readonly [unknown, bigint]): string {
  return createHash('sha256')
    .update(JSON.stringify(['bully', peers, tokenBase.toString()]))
    .digest('hex')
}

function byId([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1
}
