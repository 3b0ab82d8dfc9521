/** What `paxos()` and `bully()` have in common: real sockets, a real folder, and who may speak with whom. */
import { createHash } from 'node:crypto'
import { engineWire } from '../../cluster/engine/engine-wire.ts'
import { resolveTiming } from '../../lease/timing.ts'
import { systemClock } from '../../system/clock.ts'
import type { Guarantee } from '../backend.ts'
import type { ClusterView, EmbeddedBackend, StatusRequest } from '../cluster-view.ts'
import { defineBackend } from '../define-backend.ts'
import { peerEdges } from '../peer-edges.ts'
import { checkRaftOptions, type RaftOptions } from '../raft-options.ts'
import { EngineDriver } from './driver.ts'
import type { Engine } from './engine.ts'

/** As those of `raft()`; the folder stays small, so nothing bounds it. */
export type EngineBackendOptions = Omit<RaftOptions, 'logBytesMax' | 'tuning'>

export interface EngineBackend<Its extends Guarantee = 'linearizable'> extends EmbeddedBackend<Its> {
  readonly engine: 'paxos' | 'bully'
}

/** @throws INVALID_OPTIONS, NOT_A_PEER; when started: ADDRESS_IN_USE, INSECURE_LISTENER, DATA_DIR_IN_USE, DATA_CORRUPT, … */
export function engineBackend<Request, Reply, Written extends object, Its extends Guarantee = 'linearizable'>(
  options: EngineBackendOptions,
  engine: Engine<Request, Reply, Written, Its>,
): EngineBackend<Its> {
  checkRaftOptions(options, ['logBytesMax', 'tuning'])
  const { peers, tokenBase = 0n } = options
  const { engine: name } = engine.speech
  const timing = resolveTiming(options.timing ?? 'default')
  const cluster =
    options.cluster ?? hash([name, Object.entries(peers).toSorted(byId), tokenBase.toString()]).slice(0, 16)
  // A name says nothing about what must agree: the voters, the base of the tokens, and what decides.
  const agreed = hash([name, Object.keys(peers).toSorted(), tokenBase.toString()]).slice(0, 8)
  const identity = options.cluster === undefined ? cluster : `${cluster}~${agreed}`
  const { heartbeatMs } = timing
  const wire = engineWire(engine.speech)
  let driver!: EngineDriver<Request, Reply, Written, Its>
  const backend = defineBackend<Its>(
    (env) => {
      const edges = peerEdges(options, wire, { cluster: identity, heartbeatMs, env })
      driver = new EngineDriver(engine, { peers, cluster, timing, tokenBase }, { edges, env })
      return driver
    },
    {
      timing,
      defaultCandidateId: options.self,
      clock: options.clock ?? systemClock({ onClockStep: options.onClockStep ?? 'lose' }),
      random: options.random,
      onBackgroundFailure: options.onBackgroundFailure,
    },
  )
  const status = (o: StatusRequest = {}): Promise<ClusterView> => driver.status(o)
  return Object.assign(backend, {
    engine: name === 'paxos' ? name : ('bully' as const),
    peers,
    cluster,
    status,
  })
}

/** Not the same for two engines of the same peers: a folder of the one is nothing to the other. */
function hash(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

function byId([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1
}
