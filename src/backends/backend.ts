/**
 * What arbitrates an election, seen from `election/`. Two tiers: `BackendDriver` with its `Session`, which every
 * backend provides, and `LeaseStore`, a record with conditional writes, from which `lease/` builds the first.
 *
 * Drivers report facts. Deadlines, the order of callbacks, abort, sharing of sessions, start and close once are done
 * for them: by `defineBackend` and by `election/`.
 */
import type { Clock, Instant } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'

import type {
  BackendFacts,
  CandidacyRequest,
  Exclusivity,
  Guarantee,
  LeaseTiming,
  Metadata,
} from './facts.ts'

export type {
  BackendFacts,
  CandidacyRequest,
  Exclusivity,
  Guarantee,
  LeaseTiming,
  Metadata,
} from './facts.ts'
export { rankOf, type AdvisoryRank } from './advisory-rank.ts'
export {
  checkCandidacy,
  checkCandidateId,
  checkElectionName,
  checkExclusivity,
  checkLease,
  checkMetadata,
  checkPriority,
} from './request-rules.ts'

/** A failure that belongs to no call of the user's. */
export interface BackgroundFailure {
  /** What was being done, as a noun phrase: `renewal`, `connection to b`. */
  readonly during: string
  readonly error: unknown
}

export interface BackendEnv {
  readonly clock: Clock
  readonly random: Random
  report(failure: BackgroundFailure): void
}

export interface Cancellable {
  readonly signal?: AbortSignal | undefined
}

/** Why a leadership, or a candidacy that never won, ended. */
export type LossReason =
  /** `resign()`, `close()` or the end of the work. */
  | 'resigned'
  /** Handed over by `transfer()`. */
  | 'transferred'
  /** The deadline passed without a renewal. */
  | 'expired'
  /** The machine slept, or the wall clock jumped, so that the deadline may have passed. */
  | 'suspended'
  /**
   * Token mode: a quorum saw evidence of death and freed the election. Of an advisory election: partitions healed, and a leader
   * of higher rank was met.
   */
  | 'superseded'
  /** An operator or a foreign tool ended the grant at the store. */
  | 'revoked'
  /** A health check at the store ended the grant. */
  | 'health-check'
  /** Given up because the candidate's own health check failed. */
  | 'unhealthy'
  /** The session ended as a whole. */
  | 'session-lost'
  /** The candidacy was refused; `cause` is the `MandateError`. */
  | 'refused'

export interface Renewal {
  /** `clock.upper()` just before the request was sent. */
  readonly sentAt: Instant
  /** The time to live that was granted (not asked for), in ms; drift and tick are taken off by `lease/`. */
  readonly grantedMs: number
}

/** Called synchronously, in order, none after `ended`; never from inside `enter`. */
export interface CandidacyEvents {
  /** How many stand before this candidate; undefined where the backend cannot tell. */
  waiting(ahead: number | undefined): void
  /**
   * Only after re-verification, and only with a renewal that has not run out. At most once. Of an advisory backend `token` is
   * the order of its rank (`advisory-rank.ts`).
   */
  won(grant: { readonly token: bigint; readonly renewal: Renewal }): void
  /** After `won` only. Never goes back in time. Not called where `Session.onRenewed` was. */
  renewed(renewal: Renewal): void
  /** Advisory backends, after `won`: the same leadership has a higher rank now. */
  rose?(order: bigint): void
  /**
   * An operator asks whoever won to give up, in favour of the candidate `to` if one is named, which stood when this was
   * told. It goes on holding, renewed as before, until `leave` or `transfer`. After `won` only; perhaps more than once.
   */
  asked?(wish: OperatorWish): void
  /** Exactly once, unless `leave` resolved first (after which nothing is called). */
  ended(end: { readonly reason: LossReason; readonly cause?: unknown }): void
}

export interface Candidacy {
  /**
   * Cancels or resigns; compensates a win whose news was lost. `unknown`: it may still land, and is freed at the
   * latest by expiry. Settles in any case. After the call no event but, at most, none.
   */
  leave(o: Cancellable): Promise<'left' | 'was-not-holder' | 'unknown'>
  /** Hands over to the candidate `to`. On `done` the grant is gone: `ended('transferred')` was called before. */
  transfer(to: string, o: Cancellable): Promise<'done' | 'refused' | 'unknown'>
  proclaim(metadata: Metadata, o: Cancellable): Promise<'done' | 'was-not-holder' | 'unknown'>
}

/** A leader as others see it. Of an advisory backend `token` is the order of its rank. */
export interface LeaderRecord {
  readonly id: string
  readonly token: bigint
  readonly metadata: Metadata
}

export interface ObserveEvents {
  /** Tokens never go back, except of advisory backends; `vacant` follows only a state that is really later. */
  led(leader: LeaderRecord): void
  vacant(): void
  /** Contact with the arbiter was lost; the last state may be stale. */
  unknown(cause: unknown): void
}

/** What an operator, who is no candidate, wants of the leader. */
export interface OperatorWish {
  /** The candidate id that shall lead next; null: whoever is next. */
  readonly to: string | null
}

export interface OperatorRequest extends OperatorWish {
  readonly election: string
  /** Of the leadership that is meant. Compared by its holder, so that a late request never ends a younger one. */
  readonly token: bigint
}

export type OperatorAnswer =
  /** The holder heard it (`CandidacyEvents.asked`), and gives up once its work has stopped. */
  | 'told'
  /** `to` does not stand in the election. The holder heard nothing, and leads on. */
  | 'no-such-candidate'
  /** It is not the leadership that stands, and nobody was asked. */
  | 'over'
  /** It ended while it was being asked: perhaps because of that, with the answer lost on its way. */
  | 'ended'

/** What another process needs to release a session whose holder is surely dead. Plain JSON. */
export interface SessionTicket {
  readonly session: string
}

/** One liveness tie of one candidate id, carrying many elections. */
export interface Session {
  /** The scope within which tokens compare. */
  readonly scope: string
  /** Synchronous; no event before it returns. One candidacy per election name at a time. */
  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy
  /** Present state first, then changes. No event before it returns, none after `close`. */
  observe(election: string, on: ObserveEvents): { close(): void }
  /**
   * Present where one renewal carries everything that the session holds. From this call on each is told to `told`, once
   * however many elections ride on the session, and `CandidacyEvents.renewed` is not called any more. Called at most
   * once. Renewals never go back in time; those that come with a win (`won`) are among them.
   */
  onRenewed?(told: (renewal: Renewal) => void): void
  /** Present where a session can be released from outside (`Backend.releaseSession`). */
  ticket?(): SessionTicket
  /** Releases everything it carries and ends; settles in any case, leaves no timer and no socket. */
  close(o: Cancellable): Promise<void>
}

export interface SessionRequest {
  readonly candidateId: string
  /** Time to live; undefined = the backend's default. Fixed for the session's life. */
  readonly leaseMs?: number | undefined
}

/** Reading only: no session, no candidate. */
export interface Observer {
  observe(election: string, on: ObserveEvents): { close(): void }
  readonly scope: string
}

/** What the author of a backend writes; `defineBackend` makes a `Backend` of it. */
export interface BackendDriver<Its extends Guarantee = 'linearizable'> {
  readonly facts: BackendFacts<Its>
  /** Once, before anything else. */
  start?(o: Cancellable): Promise<void>
  /** @throws DUPLICATE_ID, BACKEND_UNAVAILABLE, UNAUTHORIZED, FORBIDDEN, CANCELLED, … */
  open(request: SessionRequest, o: Cancellable): Promise<Session>
  /** For observers without a candidate. */
  openObserver(o: Cancellable): Promise<Observer & { close(): Promise<void> }>
  /** Releases, at the store, a session of another process that is surely dead. Idempotent. */
  releaseSession?(ticket: SessionTicket, o: Cancellable): Promise<'released' | 'gone'>
  /**
   * Carries an operator's request to the session that holds the election with this token, and repeats it until that
   * answers. It ends nothing itself. Rejects when `signal` aborts; with another token or without a holder it waits for
   * that: `Backend.ask` watches the election meanwhile. Present where the facts say `operatorRequests`.
   */
  ask?(request: OperatorRequest, o: Cancellable): Promise<'told' | 'no-such-candidate'>
  /** Once, after every session is closed. */
  close?(): Promise<void>
}

/** A share in a session: sessions are opened once per (candidate id, lease) and closed with their last share. */
export interface SessionShare {
  readonly session: Session
  leave(o: Cancellable): Promise<void>
}

export interface ShareOptions extends Cancellable {
  /** Called and awaited by `Backend.close()` before the session goes, so that work can drain under its lease. */
  readonly beforeClose?: (() => Promise<void>) | undefined
}

/** What `createElection` takes. Made by `raft()`, `memory()`, … through `defineBackend`. */
export interface Backend<Its extends Guarantee = 'linearizable'> {
  readonly facts: BackendFacts<Its>
  readonly env: BackendEnv
  /** The candidate id to use when none is given: a peer's own id; undefined = host name + random. */
  readonly defaultCandidateId: string | undefined
  readonly timing: LeaseTiming
  /** Idempotent; called by the first use. After a start by hand the backend runs until `close()`. */
  start(o?: Cancellable): Promise<void>
  /** Closes every session and stops. Idempotent. */
  close(): Promise<void>
  share(request: SessionRequest, o: ShareOptions): Promise<SessionShare>
  shareObserver(o: ShareOptions): Promise<{ readonly observer: Observer; leave(): Promise<void> }>
  releaseSession?(ticket: SessionTicket, o: Cancellable): Promise<'released' | 'gone'>
  /**
   * Asks the holder of an election to give up, as an operator does who is no candidate. Safe to repeat. What comes of it
   * is seen by observing: the holder drains its work first. Absent where the arbiter has no way to its holders.
   * @throws CANCELLED, BACKEND_UNAVAILABLE, INVALID_NAME, INVALID_OPTIONS, CLOSED
   */
  ask?(request: OperatorRequest, o: Cancellable): Promise<OperatorAnswer>
}

/** One record with conditional writes: Kubernetes, SQL, … The machine in `lease/` makes elections of it. */
export interface LeaseRecord {
  /** Candidate id of the holder; empty = released. */
  readonly holder: string
  /** Distinguishes two processes with one id. */
  readonly incarnation: string
  readonly leaseMs: number
  /** Acquisitions so far. */
  readonly transitions: number
  readonly exclusivity: Exclusivity
  readonly metadata: Metadata
  /**
   * In a released record: the candidate id that the last holder wished for (`transfer: 'hint'`). A store that cannot
   * keep it drops it and says `transfer: 'none'`.
   */
  readonly preferred?: string
}

export type LeaseWrite<Version> =
  | { readonly is: 'applied'; readonly version: Version; readonly token: bigint }
  | { readonly is: 'conflict' }
  | { readonly is: 'rejected'; readonly error: unknown }
  /** The reply was lost: it may have landed, and may still land. */
  | { readonly is: 'unknown'; readonly error?: unknown }

/** One version of a record. `token`: of the write that raised `transitions` last; 0n for no record. */
export interface LeaseSeen<Version> {
  readonly record: LeaseRecord | null
  readonly version: Version
  readonly token: bigint
}

export interface LeaseStore<Version> {
  readonly scope: string
  /** Linearizable. */
  read(name: string, o: Cancellable): Promise<LeaseSeen<Version>>
  /** `token` of an applied write is greater than that of every earlier one. */
  write(name: string, next: LeaseRecord, expect: Version, o: Cancellable): Promise<LeaseWrite<Version>>
  /**
   * `changed` is a hint to read again; with `seen`, which must be newer than every answer so far, nobody needs to read.
   * Rejects when the watch ends, and soon after `o.signal` aborts: `close` waits for it.
   */
  watch?(
    name: string,
    from: Version,
    changed: (seen?: LeaseSeen<Version>) => void,
    o: Cancellable,
  ): Promise<never>
}
