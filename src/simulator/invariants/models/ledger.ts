/**
 * The registry a second time, written to be obvious instead of fast: who holds what after each committed entry, by the
 * rules of DESIGN §4.1 and §4.2. What the product tells its users is held against this.
 */
import type { Exclusivity } from '../../../backends/backend.ts'
import type { Command, FreedReason, Metadata, SessionRequest } from '../../../registry/types.ts'
import type { HistoryEvent } from '../../history.ts'
import { committedLogOf, type CommittedLog } from './committed-log.ts'
import { Model, shared } from './shared.ts'

export interface LedgerSession {
  readonly key: string
  readonly id: string
  readonly leaseMs: number
  epoch: number
  /** Of the last batch applied. */
  number: number
  superseded: boolean
}

export interface LedgerGrant {
  readonly election: string
  readonly exclusivity: Exclusivity
  readonly session: string
  readonly id: string
  readonly token: bigint
  /** What the log says about the value, oldest first. */
  metadata: Metadata
  freed: FreedReason | null
}

export interface LedgerElection {
  readonly name: string
  readonly exclusivity: Exclusivity
  holder: LedgerGrant | null
  /** By session. */
  readonly waiting: Map<string, Metadata>
}

/** What one entry did, in order. */
export type LedgerEffect =
  | { readonly type: 'opened'; readonly session: LedgerSession; readonly epoch: number }
  | { readonly type: 'superseded'; readonly session: LedgerSession }
  | { readonly type: 'ended'; readonly session: LedgerSession; readonly reason: FreedReason }
  /** `metadata` at that place of the log; `grant` may have moved on. */
  | { readonly type: 'granted'; readonly grant: LedgerGrant; readonly metadata: Metadata }
  | { readonly type: 'freed'; readonly grant: LedgerGrant; readonly reason: FreedReason }
  | { readonly type: 'proclaimed'; readonly grant: LedgerGrant; readonly metadata: Metadata }
  /** By somebody who did not wait, or for an election that was held: without effect. */
  | {
      readonly type: 'grant-void'
      readonly election: string
      readonly session: string
      readonly index: number
    }
  /** A batch that was applied before: without effect. */
  | {
      readonly type: 'repeated'
      readonly session: LedgerSession
      readonly requests: readonly SessionRequest[]
    }
  | { readonly type: 'suspected'; readonly session: LedgerSession }

export class Ledger extends Model {
  /** That are open. */
  readonly sessions = new Map<string, LedgerSession>()
  /** Every session that ever was, as it was when last open. */
  readonly known = new Map<string, LedgerSession>()
  readonly elections = new Map<string, LedgerElection>()
  /** What the present event brought to light. */
  fresh: LedgerEffect[] = []
  readonly #log: CommittedLog
  readonly #tokenBase: bigint
  readonly #grants = new Map<string, LedgerGrant>()
  /** By session: every epoch that it was opened with. */
  readonly #epochs = new Map<string, Set<number>>()

  constructor(log: CommittedLog, tokenBase: bigint) {
    super()
    this.#log = log
    this.#tokenBase = tokenBase
  }

  /** The grant that this token came from, freed or not. */
  grant(election: string, token: bigint): LedgerGrant | undefined {
    return this.#grants.get(`${election} ${token}`)
  }

  wasOpened(session: string, epoch: number): boolean {
    return this.#epochs.get(session)?.has(epoch) ?? false
  }

  /** Of all that were ever granted. */
  heldBy(session: string): LedgerGrant[] {
    return [...this.elections.values()].flatMap(({ holder }) => (holder?.session === session ? [holder] : []))
  }

  protected override take(event: HistoryEvent): void {
    this.#log.observe(event)
    if (this.fresh.length > 0) this.fresh = []
    for (const { index, data } of this.#log.fresh) if (data !== null) this.#apply(index, data)
  }

  #apply(index: number, command: Command): void {
    switch (command.type) {
      case 'open':
        return this.#open(index, command)
      case 'reopen': {
        const session = this.#inEpoch(command)
        if (session === undefined || session.superseded) return
        session.epoch += 1
        this.#opened(session)
        return
      }
      case 'batch': {
        const session = this.sessions.get(command.session)
        if (session === undefined || command.number > session.number + 1) return
        if (command.number <= session.number) {
          this.fresh.push({ type: 'repeated', session, requests: command.requests })
          return
        }
        session.number = command.number
        for (const request of command.requests) this.#request(session, request)
        return
      }
      case 'grant':
        for (const { election, session } of command.grants) this.#grant(index, election, session)
        return
      case 'expire': {
        const session = this.#inEpoch(command)
        if (session !== undefined) this.#end(session, 'expired')
        return
      }
      case 'suspect': {
        const session = this.#inEpoch(command)
        if (session === undefined) return
        this.fresh.push({ type: 'suspected', session })
        for (const grant of this.heldBy(session.key)) {
          if (grant.exclusivity === 'token') this.#free(grant, 'suspected')
        }
        return
      }
      case 'close': {
        const session = this.sessions.get(command.session)
        if (session !== undefined) this.#end(session, 'closed')
        return
      }
      default:
        command satisfies never
    }
  }

  #open(index: number, { session: key, id, leaseMs }: Extract<Command, { type: 'open' }>): void {
    if (this.sessions.has(key)) return
    const older = [...this.sessions.values()].filter((one) => one.id === id && !one.superseded)
    const session = { key, id, leaseMs, epoch: index, number: 0, superseded: false }
    this.sessions.set(key, session)
    this.known.set(key, session)
    this.#opened(session)
    for (const one of older) {
      one.superseded = true
      for (const election of this.elections.values()) this.#dequeue(election, one.key)
      this.fresh.push({ type: 'superseded', session: one })
    }
  }

  #opened(session: LedgerSession): void {
    const epochs = this.#epochs.get(session.key)
    if (epochs === undefined) this.#epochs.set(session.key, new Set([session.epoch]))
    else epochs.add(session.epoch)
    this.fresh.push({ type: 'opened', session, epoch: session.epoch })
  }

  #request(session: LedgerSession, request: SessionRequest): void {
    const election = this.elections.get(request.election)
    const held = election?.holder?.session === session.key ? election.holder : null
    switch (request.type) {
      case 'campaign': {
        const { exclusivity, metadata } = request
        if (session.superseded || held !== null) return
        if (election === undefined) {
          const waiting = new Map([[session.key, metadata]])
          const made = { name: request.election, exclusivity, holder: null, waiting }
          this.elections.set(request.election, made)
        } else if (election.exclusivity === exclusivity && !election.waiting.has(session.key)) {
          election.waiting.set(session.key, metadata)
        }
        return
      }
      case 'leave':
        if (held !== null) this.#free(held, 'released')
        else if (election !== undefined) this.#dequeue(election, session.key)
        return
      case 'release':
        if (held?.token === request.token) this.#free(held, 'released')
        return
      case 'transfer': {
        if (held?.token !== request.token) return
        const target = [...this.sessions.values()].find((one) => one.id === request.to && !one.superseded)
        if (target !== undefined && election?.waiting.has(target.key) === true)
          this.#free(held, 'transferred')
        return
      }
      case 'proclaim':
        if (held?.token !== request.token) return
        held.metadata = request.metadata
        this.fresh.push({ type: 'proclaimed', grant: held, metadata: request.metadata })
        return
      case 'check-transfer':
      case 'turn-away':
        return
      default:
        request satisfies never
    }
  }

  #grant(index: number, name: string, key: string): void {
    const election = this.elections.get(name)
    const session = this.sessions.get(key)
    const metadata = election?.waiting.get(key)
    if (election?.holder !== null || session === undefined || metadata === undefined) {
      this.fresh.push({ type: 'grant-void', election: name, session: key, index })
      return
    }
    election.waiting.delete(key)
    const token = this.#tokenBase + BigInt(index)
    const { exclusivity } = election
    const grant = { election: name, exclusivity, session: key, id: session.id, token, metadata, freed: null }
    election.holder = grant
    this.#grants.set(`${name} ${token}`, grant)
    this.fresh.push({ type: 'granted', grant, metadata })
  }

  #free(grant: LedgerGrant, reason: FreedReason): void {
    const election = this.elections.get(grant.election)
    if (election?.holder !== grant) return
    election.holder = null
    grant.freed = reason
    this.fresh.push({ type: 'freed', grant, reason })
    this.#forgetIfEmpty(election)
  }

  #dequeue(election: LedgerElection, key: string): void {
    if (election.waiting.delete(key)) this.#forgetIfEmpty(election)
  }

  #forgetIfEmpty(election: LedgerElection): void {
    if (election.holder === null && election.waiting.size === 0) this.elections.delete(election.name)
  }

  #end(session: LedgerSession, reason: 'expired' | 'closed'): void {
    for (const grant of this.heldBy(session.key)) this.#free(grant, reason)
    for (const election of this.elections.values()) this.#dequeue(election, session.key)
    this.sessions.delete(session.key)
    this.fresh.push({ type: 'ended', session, reason })
  }

  #inEpoch(about: { readonly session: string; readonly epoch: number }): LedgerSession | undefined {
    const session = this.sessions.get(about.session)
    return session?.epoch === about.epoch ? session : undefined
  }
}

export const ledgerOf = shared((context) => new Ledger(committedLogOf(context), context.tokenBase ?? 0n))
