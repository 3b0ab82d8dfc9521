/**
 * The Raft leader's duties beyond Raft: it admits sessions, grants vacant elections to waiters that are alive, asks
 * for the withdrawal of silent sessions and proposes what a majority withdrew. It decides on `ahead`, the registry as
 * it will be when everything in its own log is applied, so that a grant stands right behind the release that made room.
 *
 * Nothing here is trusted: the state machine checks every command again, and safety never depends on this room.
 */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { Entry } from '../protocols/raft/types.ts'
import type { SessionKey } from '../protocols/support/types.ts'
import {
  createWithdrawals,
  forgetWithdrawals,
  withdrawalResult,
  withdrew,
  type Withdrawals,
} from '../protocols/support/withdrawals.ts'
import type { Configuration } from '../protocols/quorum/types.ts'
import {
  apply,
  cloneRegistry,
  isFull,
  newestSession,
  nextWinner,
  vacantElections,
  type Registry,
} from '../registry/registry.ts'
import type { Command, SessionHost, SessionRequest } from '../registry/types.ts'
import type { ErrorReply, OpenRequest, Proposal } from './messages.ts'

export interface ArbiterOptions {
  readonly configuration: Configuration
  readonly heartbeatMs: number
}

/** What the arbiter sees of the world; readings by `clock.lower()`. */
export interface ArbiterView {
  /** When this peer, as a voter, last heard the session; null = not since it started. */
  lastHeardMs(session: SessionKey): number | null
  /** Death evidence about the process that hosts the session. */
  evidenceAgainst(host: SessionHost | null): boolean
  /** True when the log is too large for new campaigns. */
  logIsFull(): { readonly bytes: number; readonly max: number } | null
}

export interface ArbiterDuties {
  propose(commands: readonly Command[]): void
  askForWithdrawal(session: SessionKey, epoch: number): void
  turnAway(sponsor: PeerId, session: SessionKey, error: ErrorReply): void
}

interface ParkedOpen {
  readonly sponsor: PeerId
  readonly request: OpenRequest
  readonly since: number
}

/** A session that was not heard for so many heartbeats is silent: it is not granted anything, and may be suspected. */
const silentHeartbeats = 2.5

/** With the longest names an entry of so many stays below 64 KiB, as every other one does. */
const grantsPerEntry = 100

export class Arbiter {
  readonly #options: ArbiterOptions
  readonly #view: ArbiterView
  readonly #duties: ArbiterDuties
  readonly #ahead: Registry
  #aheadIndex: number
  /** When this arbiter first saw a session: nobody is called silent before it had the time to be heard. */
  readonly #firstSeen = new Map<SessionKey, number>()
  readonly #parkedOpens = new Map<SessionKey, ParkedOpen>()
  readonly #withdrawals: Withdrawals = createWithdrawals()
  readonly #since: number

  /** `applied` with everything in the leader's log behind it. */
  constructor(
    options: ArbiterOptions,
    view: ArbiterView,
    duties: ArbiterDuties,
    start: {
      readonly registry: Registry
      readonly appliedIndex: number
      readonly entries: readonly Entry<Command>[]
      readonly now: number
    },
  ) {
    this.#options = options
    this.#view = view
    this.#duties = duties
    this.#ahead = cloneRegistry(start.registry)
    this.#aheadIndex = start.appliedIndex
    this.#since = start.now
    this.appended(start.entries)
  }

  /** Entries entered this leader's log. */
  appended(entries: readonly Entry<Command>[]): void {
    for (const entry of entries) {
      if (entry.index <= this.#aheadIndex) continue
      this.#aheadIndex = entry.index
      if (entry.data === null) continue
      for (const event of apply(this.#ahead, entry.index, entry.data)) {
        if (event.type === 'session-closed') this.#forget(event.session)
      }
    }
  }

  received(sponsor: PeerId, proposal: Proposal, now: number): void {
    switch (proposal.type) {
      case 'open':
        if (this.#ahead.sessions.has(proposal.request.session)) return
        this.#parkedOpens.set(proposal.request.session, {
          sponsor,
          request: proposal.request,
          // A sponsor repeats its proposals; what counts is when the session first asked.
          since: this.#parkedOpens.get(proposal.request.session)?.since ?? now,
        })
        this.#admit(now)
        return
      case 'batch': {
        // Behind or ahead of what the log holds: a repetition, answered by its first effect.
        if (this.#ahead.sessions.get(proposal.session)?.number !== proposal.number - 1) return
        this.#duties.propose([{ ...proposal, requests: this.#withinLimits(proposal.requests) }])
        return
      }
      case 'reopen':
        if (this.#ahead.sessions.get(proposal.session)?.epoch !== proposal.epoch) return
        this.#duties.propose([{ type: 'reopen', session: proposal.session, epoch: proposal.epoch }])
        return
      case 'close':
        if (!this.#ahead.sessions.has(proposal.session)) return
        this.#duties.propose([{ type: 'close', session: proposal.session }])
        return
      default:
        proposal satisfies never
    }
  }

  /** A voter withdrew durably (A4). */
  withdrawn(voter: PeerId, session: SessionKey, epoch: number): void {
    if (this.#ahead.sessions.get(session)?.epoch !== epoch) return
    withdrew(this.#withdrawals, { session, epoch, voter })
    if (withdrawalResult(this.#withdrawals, this.#options.configuration, session, epoch) !== 'won') return
    this.#duties.propose([{ type: 'expire', session, epoch }])
  }

  /** Grants what is vacant to whoever waits and is alive. Called after every change, cheap when nothing is vacant. */
  grant(now: number): void {
    const grants: { election: string; session: SessionKey }[] = []
    for (const election of vacantElections(this.#ahead)) {
      const winner = nextWinner(this.#ahead, election, (session) => this.#isAlive(session, now))
      if (winner !== null) grants.push({ election, session: winner })
    }
    const commands: Command[] = []
    for (let at = 0; at < grants.length; at += grantsPerEntry) {
      commands.push({ type: 'grant', grants: grants.slice(at, at + grantsPerEntry) })
    }
    if (commands.length > 0) this.#duties.propose(commands)
  }

  /** Whether `examine` would find nobody to accuse and nobody to let in. */
  isQuiet(now: number): boolean {
    if (this.#parkedOpens.size > 0) return false
    for (const [key, { host }] of this.#ahead.sessions) {
      if (this.#silenceMs(key, now) >= silentHeartbeats * this.#options.heartbeatMs) return false
      if (this.#view.evidenceAgainst(host)) return false
    }
    return true
  }

  /** Once a heartbeat, after a poll phase, and at once on new evidence: looks for the silent. */
  examine(now: number): void {
    this.#admit(now)
    for (const [key, session] of this.#ahead.sessions) {
      const silence = this.#silenceMs(key, now)
      const evidence = this.#view.evidenceAgainst(session.host)
      if (!evidence && silence < silentHeartbeats * this.#options.heartbeatMs) continue
      // Voters park the question until each is entitled to agree, so asking early costs nothing and is exact.
      this.#duties.askForWithdrawal(key, session.epoch)
      if (holdsTokenGrant(this.#ahead, key)) {
        this.#duties.propose([{ type: 'suspect', session: key, epoch: session.epoch }])
      }
    }
    this.grant(now)
  }

  #forget(session: SessionKey): void {
    this.#firstSeen.delete(session)
    forgetWithdrawals(this.#withdrawals, session)
  }

  /**
   * Lets in the sessions that ask to be opened. One whose candidate id has a session that is still heard is a
   * duplicate; one whose predecessor is silent may stand beside it, and waits for its grants like anybody else.
   */
  #admit(now: number): void {
    for (const [key, parked] of this.#parkedOpens) {
      // An older one than the newest is superseded: it waits for its expiry and never wins again.
      const rival = newestSession(this.#ahead, parked.request.id)
      if (rival !== null && (this.#view.lastHeardMs(rival) ?? 0) > parked.since + this.#options.heartbeatMs) {
        this.#parkedOpens.delete(key)
        const sinceMs = now - (this.#firstSeen.get(rival) ?? this.#since)
        this.#duties.turnAway(parked.sponsor, key, duplicateId(parked.request.id, sinceMs))
        continue
      }
      if (rival !== null && this.#isAlive(rival, now)) continue
      if (isFull(this.#ahead)) {
        this.#parkedOpens.delete(key)
        this.#duties.turnAway(parked.sponsor, key, tooManySessions(this.#ahead.limits.sessions))
        continue
      }
      this.#parkedOpens.delete(key)
      this.#duties.propose([{ type: 'open', ...parked.request }])
    }
  }

  #isAlive(key: SessionKey, now: number): boolean {
    const session = this.#ahead.sessions.get(key)
    if (session === undefined || this.#view.evidenceAgainst(session.host)) return false
    return this.#silenceMs(key, now) < silentHeartbeats * this.#options.heartbeatMs
  }

  #silenceMs(key: SessionKey, now: number): number {
    const heard = this.#view.lastHeardMs(key)
    if (heard !== null) return now - heard
    let since = this.#firstSeen.get(key)
    if (since === undefined) {
      since = now
      this.#firstSeen.set(key, since)
    }
    return now - since
  }

  #withinLimits(requests: readonly SessionRequest[]): readonly SessionRequest[] {
    const full = this.#view.logIsFull()
    if (full === null) return requests
    return requests.map((request) =>
      request.type === 'campaign'
        ? {
            type: 'turn-away',
            election: request.election,
            code: 'LIMIT_EXCEEDED',
            message:
              `The log has ${full.bytes} bytes; above ${full.max} no new campaign is accepted, because snapshots are ` +
              'not built yet. Stop all peers, move their data folders away and start them with a tokenBase above the last token.',
          }
        : request,
    )
  }
}

function duplicateId(id: string, sinceMs: number): ErrorReply {
  return {
    code: 'DUPLICATE_ID',
    message:
      `Candidate id ${JSON.stringify(id)} is in use by another live process. ` +
      'Give each process an id of its own (candidate.id, --id), or end the other one.',
    details: { id, sinceMs: Math.round(sinceMs) },
  }
}

function tooManySessions(max: number): ErrorReply {
  return {
    code: 'LIMIT_EXCEEDED',
    message: `The cluster has ${max} sessions, its limit. Close some before you open others.`,
    details: { limit: 'sessions', value: max + 1, max },
  }
}

function holdsTokenGrant(registry: Registry, key: SessionKey): boolean {
  for (const election of registry.sessions.get(key)?.holds ?? []) {
    if (registry.elections.get(election)?.exclusivity === 'token') return true
  }
  return false
}
