/** What `paxos()` and `bully()` have in common: real sockets, a real folder, and who may speak with whom. */
import { createHash } from 'node:crypto'
import type { EngineWire } from '../cluster/engine/engine-wire.ts'
import { resolveTiming, type Timing } from '../lease/timing.ts'
import { systemClock } from '../system/clock.ts'
import type { BackendDriver, BackendEnv } from './backend.ts'
import type { ClusterView, EmbeddedBackend, StatusRequest } from './cluster-view.ts'
import { defineBackend } from './define-backend.ts'
import type { EngineEdges } from './engine-access.ts'
import { peerEdges } from './peer-edges.ts'
import { checkRaftOptions, type RaftOptions } from './raft-options.ts'

/** As those of `raft()`; the folder stays small, so nothing bounds it. */
export type EngineBackendOptions = Omit<RaftOptions, 'logBytesMax' | 'tuning'>

export interface EngineBackend extends EmbeddedBackend {
  readonly engine: 'paxos' | 'bully'
}

export interface EngineDriverOptions {
  readonly peers: Readonly<Record<string, string>>
  readonly cluster: string
  readonly timing: Timing
  readonly tokenBase: bigint
}

interface EngineDriver extends BackendDriver {
  status(request: StatusRequest): Promise<ClusterView>
}

/** @throws INVALID_OPTIONS, NOT_A_PEER; when started: ADDRESS_IN_USE, INSECURE_LISTENER, DATA_DIR_IN_USE, DATA_CORRUPT, … */
export function engineBackend<Request, Reply, Written extends object>(
  options: EngineBackendOptions,
  wire: EngineWire<Request, Reply>,
  create: (
    options: EngineDriverOptions,
    edges: EngineEdges<Request, Reply, Written>,
    env: BackendEnv,
  ) => EngineDriver,
): EngineBackend {
  checkRaftOptions(options, ['logBytesMax', 'tuning'])
  const { peers, tokenBase = 0n } = options
  const { engine } = wire
  const timing = resolveTiming(options.timing ?? 'default')
  const cluster =
    options.cluster ?? hash([engine, Object.entries(peers).toSorted(byId), tokenBase.toString()]).slice(0, 16)
  // A name says nothing about what must agree: the voters, the base of the tokens, and what decides.
  const agreed = hash([engine, Object.keys(peers).toSorted(), tokenBase.toString()]).slice(0, 8)
  const identity = options.cluster === undefined ? cluster : `${cluster}~${agreed}`
  const { heartbeatMs } = timing
  let driver!: EngineDriver
  const backend = defineBackend(
    (env) =>
      (driver = create(
        { peers, cluster, timing, tokenBase },
        peerEdges(options, wire, { cluster: identity, heartbeatMs, env }),
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
  return Object.assign(backend, { engine, peers, cluster, status })
}

/** Not the same for two engines of the same peers: a folder of the one is nothing to the other. */
function hash(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

function byId([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1
}
