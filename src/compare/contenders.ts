/** The engines that are compared, each as its backend runs it, over seams that the comparison supplies. */
import type { BackendDriver, BackendEnv, Guarantee } from '../backends/backend.ts'
import { classicEngine } from '../backends/bully/classic/engine.ts'
import { bullyEngine } from '../backends/bully/engine.ts'
import type { EngineEdges } from '../backends/engine/access.ts'
import { EngineDriver } from '../backends/engine/driver.ts'
import type { Engine as LoglessEngine, EngineOptions } from '../backends/engine/engine.ts'
import { paxosEngine } from '../backends/paxos/engine.ts'
import { RaftDriver } from '../backends/raft-driver.ts'
import type { LogRecord } from '../cluster/messages.ts'
import type { PeerIdentity } from '../cluster/peer-options.ts'
import { engineWire } from '../cluster/engine/engine-wire.ts'
import { raftWire, type Wire } from '../cluster/wire.ts'
import type { Storage } from '../seams/storage.ts'
import type { ConnectClient, Transport } from '../seams/transport.ts'
import type { ComparedMode } from './row.ts'

/** What a peer of an engine reaches the world by. */
export interface EngineSeams<ToPeer, FromHolder, ToHolder> {
  readonly peer: {
    readonly self: string
    readonly storage: Storage<LogRecord>
    readonly transport: (identity: PeerIdentity) => Transport<ToPeer, FromHolder, ToHolder>
  }
  readonly connectClient: ConnectClient<FromHolder, ToHolder>
  /** As `raft()` does in a process of its own. */
  readonly warmsUp?: boolean
}

export interface Engine<ToPeer, FromHolder, ToHolder> {
  readonly wire: Wire<ToPeer, FromHolder, ToHolder>
  driver(
    options: EngineOptions,
    seams: EngineSeams<ToPeer, FromHolder, ToHolder>,
    env: BackendEnv,
  ): BackendDriver<Guarantee>
}

/** Runs something with an engine, whatever its messages are. */
export interface Contender {
  readonly name: 'raft' | 'paxos' | 'bully'
  readonly quorum: boolean
  readonly exclusivity: readonly ComparedMode[]
  play<Result>(
    act: <ToPeer, FromHolder, ToHolder>(engine: Engine<ToPeer, FromHolder, ToHolder>) => Result,
  ): Result
}

const modes = ['time', 'token'] as const

export const contenders: readonly Contender[] = [
  {
    ...{ name: 'raft', quorum: true, exclusivity: modes },
    play: (act) =>
      act({
        wire: raftWire,
        driver: (options, seams, env) => new RaftDriver({ ...options, logBytesMax: 1e9 }, seams, env),
      }),
  },
  {
    ...{ name: 'paxos', quorum: true, exclusivity: modes },
    play: (act) => act(logless(paxosEngine)),
  },
  {
    ...{ name: 'bully', quorum: true, exclusivity: modes },
    play: (act) => act(logless(bullyEngine)),
  },
  {
    ...{ name: 'bully', quorum: false, exclusivity: ['none'] },
    play: (act) => act(logless(classicEngine)),
  },
]

function logless<Request, Reply, Written extends object, Its extends Guarantee>(
  engine: LoglessEngine<Request, Reply, Written, Its>,
) {
  return {
    wire: engineWire(engine.speech),
    driver: (options: EngineOptions, edges: EngineEdges<Request, Reply, Written>, env: BackendEnv) =>
      new EngineDriver(engine, options, { edges, env }),
  }
}
