/** What a peer of an engine without a log is started with. */
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { Clock } from '../../seams/clock.ts'
import type { Storage } from '../../seams/storage.ts'
import type { Transport } from '../../seams/transport.ts'
import type { Shape } from '../codec-shape.ts'
import type { LogRecord } from '../messages.ts'
import type { PeerIdentity } from '../peer-options.ts'
import type {
  AnswerMessage,
  AskMessage,
  CarriedMessage,
  Core,
  CoreStart,
  EngineName,
  SessionAddress,
} from './engine.ts'

export type EngineTransport<Request, Reply> = Transport<
  CarriedMessage<Request, Reply>,
  AskMessage<Request>,
  AnswerMessage<Reply>
>

export interface EnginePeerOptions<Request, Reply, Record extends object> {
  readonly engine: EngineName
  readonly createCore: (start: CoreStart<Record>) => Core<Request, Reply, Record>
  readonly record: Shape<Record>
  readonly self: PeerId
  /** id → address; the addresses are for `status` only. */
  readonly peers: Readonly<globalThis.Record<PeerId, string>>
  readonly cluster: string
  readonly version: string
  readonly clock: Clock
  readonly storage: Storage<LogRecord>
  /** Made once the storage is open, because the handshake carries what it recovered. */
  readonly transport: (identity: PeerIdentity) => EngineTransport<Request, Reply>
  report(failure: { readonly during: string; readonly error: unknown }): void
  /** What cannot be seen at the seams; for the simulator. */
  readonly tap?: EngineTap<Request, Reply> | undefined
}

/** What the core of a peer hears and says, its own process included, of which no message tells. */
export interface EngineTap<Request, Reply> {
  /** Before its step. */
  asked(from: SessionAddress, request: Request): void
  /** What it waited for is durable. */
  answers(to: SessionAddress, reply: Reply): void
  asks(to: PeerId, request: Request): void
}
