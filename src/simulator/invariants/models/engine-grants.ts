/**
 * Who won what in an engine without a log, and by which session: what a majority of the peers accepted, as their cores say
 * (Paxos), or voted for, as their disks say (Bully).
 */
import type { Exclusivity } from '../../../backends/backend.ts'
import type { SessionAddress } from '../../../cluster/engine/engine.ts'
import { electionOf } from '../../../protocols/paxos/proposer/state.ts'
import type { PaxosReply } from '../../../protocols/paxos/types.ts'
import type { Ballot, BullyRecord } from '../../../protocols/bully/types.ts'
import type { EngineRequest, HistoryEvent } from '../../history.ts'
import { diskEvents, disksOf, type Disks, type EngineRecord } from './disks.ts'
import { isMajority } from './majority.ts'
import type { CheckContext } from '../invariant.ts'
import { Model, shared } from './shared.ts'

export interface EngineGrant {
  readonly election: string
  readonly token: bigint
  readonly session: string
  readonly id: string
  readonly exclusivity: Exclusivity
  /** Peers whose core accepted it, or voted for it. */
  readonly by: Set<string>
}

export class EngineGrants extends Model {
  readonly #disks: Disks
  readonly #voters: number
  readonly #tokenBase: bigint
  /** By election and token; two sessions are asked for with one token only by mistake, or before anybody has agreed. */
  readonly #grants = new Map<string, Map<string, EngineGrant>>()
  /** `acceptor session instance ballot` → the token that was proposed there. */
  readonly #proposed = new Map<string, number>()

  constructor({ voters, tokenBase = 0n }: CheckContext, disks: Disks) {
    super()
    this.#disks = disks
    this.#voters = voters.length
    this.#tokenBase = tokenBase
  }

  /** What was asked for with this token, by whoever. */
  of(election: string, token: bigint): readonly EngineGrant[] {
    return [...(this.#grants.get(`${election} ${token}`)?.values() ?? [])]
  }

  /** What a majority gave. */
  won(election: string, token: bigint): EngineGrant | undefined {
    return this.of(election, token).find(({ by }) => isMajority(by.size, this.#voters))
  }

  protected override take(event: HistoryEvent): void {
    this.#disks.observe(event)
    if (event.type === 'durable') {
      for (const record of this.#disks.fresh)
        if (record.type === 'engine') this.#wrote(event.process, record.record)
    }
    if (event.type === 'recovered') {
      for (const record of this.#disks.of(event.process).durable.engine) this.#wrote(event.process, record)
    }
    if (event.type === 'asked') this.#asked(event.process, event.from, event.request)
    if (event.type === 'answers' && event.reply.type === 'accepted')
      this.#accepted(event.process, event.to.session, event.reply)
  }

  #asked(voter: string, from: SessionAddress, request: EngineRequest): void {
    if (request.type === 'propose') {
      const { instance, ballot, owner } = request
      const election = electionOf(instance)
      if (election === null) return
      const { id, exclusivity, token } = owner
      this.#note(election, token, { session: from.session, id, exclusivity })
      this.#proposed.set(`${voter} ${from.session} ${instance} ${ballot}`, token)
    }
    if (request.type === 'peer' && request.message.type === 'vote') {
      const { election, ballot } = request.message
      this.#noteBallot(election, ballot)
    }
  }

  #accepted(
    voter: string,
    session: string,
    { instance, ballot }: Extract<PaxosReply, { type: 'accepted' }>,
  ): void {
    const election = electionOf(instance)
    const token = this.#proposed.get(`${voter} ${session} ${instance} ${ballot}`)
    if (election !== null && token !== undefined) this.#find(election, token, session)?.by.add(voter)
  }

  #wrote(voter: string, record: EngineRecord): void {
    const { records = [] } = record as { readonly records?: readonly BullyRecord[] }
    for (const written of records) {
      if (written.type !== 'vote') continue
      const { election, ballot } = written
      this.#noteBallot(election, ballot)
      this.#find(election, ballot.epoch, ballot.stand.of.session)?.by.add(voter)
    }
  }

  #noteBallot(election: string, { epoch, stand: { of, exclusivity } }: Ballot): void {
    this.#note(election, epoch, { session: of.session, id: of.id, exclusivity })
  }

  #find(election: string, token: number, session: string): EngineGrant | undefined {
    return this.#grants.get(`${election} ${this.#tokenBase + BigInt(token)}`)?.get(session)
  }

  #note(
    election: string,
    number: number,
    { session, id, exclusivity }: Pick<EngineGrant, 'session' | 'id' | 'exclusivity'>,
  ): void {
    const token = this.#tokenBase + BigInt(number)
    const key = `${election} ${token}`
    const grants = this.#grants.get(key) ?? new Map<string, EngineGrant>()
    this.#grants.set(key, grants)
    if (!grants.has(session))
      grants.set(session, { election, token, session, id, exclusivity, by: new Set() })
  }
}

/** Show it these events. */
export const engineEvents = ['asked', 'answers', 'asks', ...diskEvents] as const

export const engineGrantsOf = shared((context) => new EngineGrants(context, disksOf(context)))
