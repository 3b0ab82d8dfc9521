/** Which backend the processes of a plan run, over the seams of the simulated world. */
import type { BackendDriver, BackendEnv } from '../backends/backend.ts'
import { bullyEngine } from '../backends/bully/engine.ts'
import { EngineDriver } from '../backends/engine/driver.ts'
import type { Engine, EngineOptions } from '../backends/engine/engine.ts'
import { paxosEngine } from '../backends/paxos/engine.ts'
import { RaftDriver } from '../backends/raft-driver.ts'
import type { EngineTap } from '../cluster/engine/engine-peer-options.ts'
import { engineWire } from '../cluster/engine/engine-wire.ts'
import type { LogRecord } from '../cluster/messages.ts'
import type { PeerIdentity, PeerTap } from '../cluster/peer-options.ts'
import { raftWire, type Wire } from '../cluster/wire.ts'
import type { Storage } from '../seams/storage.ts'
import type { AnyPeerMessage, EngineReply, EngineRequest } from './history.ts'
import type { Incarnation } from './incarnation.ts'
import type { Told } from './judge.ts'
import type { Network } from './network.ts'
import type { Plan, ProcessPlan } from './plan.ts'
import type { ProcessClock } from './process-clock.ts'
import type { Stream } from './streams.ts'
import { clientConnector, SimulatedTransport, type TransportTap } from './transport.ts'

export const CLUSTER = 'simulated'

/** What a process of the plan has of the world. */
export interface Seams {
  readonly plan: Plan
  readonly machine: ProcessPlan
  readonly process: Incarnation
  readonly clock: ProcessClock
  readonly network: Network
  /** Of a peer. */
  readonly storage: Storage<LogRecord> | null
  /** Of the links of a peer. */
  readonly chance: Stream
  readonly tap: TransportTap
  tell(told: Told): void
}

export function driverOver(seams: Seams, env: BackendEnv): BackendDriver {
  const { plan, machine, tell } = seams
  const { timing, tokenBase, logBytesMax } = plan
  const peers = Object.fromEntries(peersOf(plan).map((name) => [name, name]))
  const common = { peers, cluster: CLUSTER, timing, tokenBase }
  switch (plan.protocol) {
    case 'raft': {
      const tap: PeerTap = {
        committed: (entries) => tell({ type: 'committed', entries }),
        led: (term) => tell({ type: 'led', term }),
        steppedDown: (term) => tell({ type: 'stepped-down', term }),
      }
      return new RaftDriver(
        { ...common, tuning: machine.tuning, logBytesMax },
        edgesOver(seams, raftWire, tap),
        env,
      )
    }
    case 'paxos':
      return logless(paxosEngine, common, seams, env)
    case 'bully':
      return logless(bullyEngine, common, seams, env)
    default:
      return plan.protocol satisfies never
  }
}

function logless<Request extends EngineRequest, Reply extends EngineReply, Written extends object>(
  engine: Engine<Request, Reply, Written>,
  options: EngineOptions,
  seams: Seams,
  env: BackendEnv,
): BackendDriver {
  const edges = edgesOver(seams, engineWire(engine.speech), engineTap<Request, Reply>(seams.tell))
  return new EngineDriver(engine, options, { edges, env })
}

export function peersOf({ processes }: Plan): string[] {
  return processes.filter(({ isPeer }) => isPeer).map(({ name }) => name)
}

function engineTap<Request extends EngineRequest, Reply extends EngineReply>(
  tell: (told: Told) => void,
): EngineTap<Request, Reply> {
  return {
    asked: (from, request) => tell({ type: 'asked', from, request }),
    answers: (to, reply) => tell({ type: 'answers', to, reply }),
    asks: (to, request) => tell({ type: 'asks', to, request }),
  }
}

function edgesOver<ToPeer extends AnyPeerMessage, FromHolder, ToHolder, Tap>(
  { plan, machine, process, clock, network, storage, chance, tap: transportTap }: Seams,
  wireOfEngine: Wire<ToPeer, FromHolder, ToHolder>,
  tap: Tap,
) {
  const wire = plan.encoded ? wireOfEngine : null
  const transport = (identity: PeerIdentity): SimulatedTransport<ToPeer, FromHolder, ToHolder> =>
    new SimulatedTransport({
      network,
      process,
      clock,
      chance,
      peers: peersOf(plan),
      identity,
      cluster: CLUSTER,
      heartbeatMs: plan.timing.heartbeatMs,
      wire,
      tap: transportTap,
    })
  const { name, isPeer } = machine
  if (isPeer && storage === null) throw new Error(`${name} is a peer without a disk`)
  return {
    peer: storage === null ? null : { self: name, storage, transport, tap },
    connectClient: clientConnector<FromHolder, ToHolder>({ network, process, cluster: CLUSTER, wire }),
  }
}
