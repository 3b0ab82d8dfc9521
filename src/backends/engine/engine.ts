/**
 * What an engine without a log (Paxos, Bully) supplies to its backend. All else is the same for all: `driver.ts` opens
 * sessions, `session.ts` leads each through its life, `candidacy.ts` through each of its elections.
 */
import type { AskMessage, Core, CoreStart, EngineSpeech } from '../../cluster/engine/engine.ts'
import type { Timing } from '../../lease/timing.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { SessionKey } from '../../protocols/support/types.ts'
import type {
  BackendEnv,
  BackendFacts,
  CandidacyRequest,
  Guarantee,
  LossReason,
  ObserveEvents,
  Renewal,
} from '../backend.ts'
import type { Observation } from '../observations.ts'
import type { CandidacyProtocol, EngineCandidacy } from './candidacy.ts'

export interface Engine<Request, Reply, Written extends object, Its extends Guarantee = 'linearizable'> {
  readonly speech: EngineSpeech<Request, Reply, Written>
  facts(timing: Timing): BackendFacts<Its>
  /** Of the peer in this process. */
  createCore(
    options: Pick<EngineOptions, 'timing' | 'tokenBase'>,
    start: CoreStart<Written>,
  ): Core<Request, Reply, Written>
  /** @throws UNSUPPORTED where this process may not stand */
  createSession(options: ProtocolOptions, life: SessionLife<Request>): SessionProtocol<Reply>
  createObserving(options: ObservingOptions, post: Post<Request>): Observing<Reply>
  /** Asks all peers to let go of a session whose holder is surely dead; each answers `asker` whether it knew the session. */
  release(session: SessionKey, random: BackendEnv['random']): Release<Request>
  /** Null: this reply is about something else. */
  wasKnown(reply: Reply): boolean | null
  /** After so many answers the release counts. @default a majority of the peers */
  releasedBy?(peers: number): number
}

/** What a backend is started with, whichever its engine. */
export interface EngineOptions {
  readonly peers: Readonly<Record<string, string>>
  readonly cluster: string
  readonly timing: Timing
  readonly tokenBase: bigint
}

export interface Release<Request> {
  readonly asker: SessionKey
  readonly request: Request
}

export type Post<Request> = (message: AskMessage<Request>) => void

export interface ObservingOptions {
  readonly env: BackendEnv
  readonly voters: readonly PeerId[]
  readonly timing: Timing
  readonly tokenBase: bigint
}

/** Follows elections over one link to the cluster. */
export interface Observing<Reply> {
  /** Under which it asks, and is answered. */
  readonly key: SessionKey
  /** Present state first, then changes; nothing from inside this call. */
  observe(election: string, on: ObserveEvents): Observation
  /** The way to the cluster is open again. */
  up(): void
  received(from: PeerId, replies: readonly Reply[]): void
  close(): void
}

export interface ProtocolOptions extends ObservingOptions {
  /** The peer in this process; undefined: a client. */
  readonly self: PeerId | undefined
  readonly candidateId: string
  readonly leaseMs: number
}

/** What an engine finds in the session around it, and tells it. */
export interface SessionLife<Request> {
  readonly phase: SessionPhase
  /** By election, of those that are not over. */
  readonly candidacies: ReadonlyMap<string, EngineCandidacy>
  readonly post: Post<Request>
  /** The peer answers but its cluster does not. */
  changePeer(reason: string): void
  /** The cluster has opened the session: whoever waited for that stands now. */
  opened(): void
  /** A majority's answer moved the deadline. */
  renewed(renewal: Renewal): void
  /** The session ended unasked: it opens anew, who was waiting goes on waiting, and who was leading has lost. */
  startsOver(cause: unknown): void
  /** Nothing can be held any more, for this reason; `stop` follows. */
  fails(reason: LossReason, error: Error): void
  /** The cluster knows that the session is closed, or need not know. */
  closed(): void
  stop(): void
}

export type SessionPhase = 'opening' | 'open' | 'closing' | 'over'

/** The engine of one session: it keeps the session alive, and speaks for its candidacies. */
export interface SessionProtocol<Reply> {
  readonly key: SessionKey
  /** The newest renewal if it has not run out. */
  readonly renewal: Renewal | null
  /** The way to the cluster is open, again or for the first time. */
  up(): void
  down(): void
  heard(from: PeerId, replies: readonly Reply[]): void
  candidacy(request: CandidacyRequest): CandidacyProtocol
  /** Tells the cluster, and then `life.closed()`. */
  close(): void
  /** No event afterwards. */
  stop(): void
}
