import type { Exclusivity, LossReason, Metadata, OperatorRequest, SessionTicket } from '../backend.ts'
import { Contest } from './contest.ts'
import type { Holder } from './contest.ts'
import type { Link } from './link.ts'
import type { Exchange, ExchangeReply, MemoryRequest, ObservedStates, OpenMessage } from './messages.ts'
import { SessionRecord } from './session-record.ts'
import { Unheard } from './unheard.ts'
import { MandateError } from '../../errors.ts'
import type { Clock } from '../../seams/clock.ts'
import { grantorSilenceMs } from '../../lease/deadline.ts'

export interface ArbiterTiming {
  readonly maxClockDrift: number
  readonly tickMs: number
}

interface Watcher {
  readonly link: Link
  readonly elections: ReadonlySet<string>
  readonly deliver: (states: ObservedStates) => void
}

/**
 * Decides elections for the processes that share a memory space. It hears from sessions, ends those that were silent
 * for longer than their lease by any clock within the drift, and names a successor in time mode only when the old
 * holder said that it stopped or was silent for that long.
 */
export class Arbiter {
  readonly #clock: Clock
  readonly #timing: ArbiterTiming
  readonly #sessions = new Map<string, SessionRecord>()
  readonly #contests = new Map<string, Contest>()
  readonly #watchers = new Map<string, Watcher>()
  readonly #unheard = new Unheard()
  #lastToken = 0n
  #revision = 0

  constructor(clock: Clock, timing: ArbiterTiming) {
    this.#clock = clock
    this.#timing = timing
  }

  /** Idempotent by session, so that a lost reply costs nothing. Gives the refusal, or undefined. */
  open(message: OpenMessage, link: Link, push: (reply: ExchangeReply) => void): MandateError | undefined {
    const known = this.#sessions.get(message.session)
    if (known !== undefined) {
      // The repeated request is answered as a keepalive, so it must count as one.
      known.hear(0)
      return undefined
    }
    const other = this.#connectedSession(message.id)
    if (other !== undefined) return duplicate(message.id, this.#clock.lower() - other.openedAtMs)
    const session = new SessionRecord(message, link, this.#clock, push)
    this.#sessions.set(session.key, session)
    session.watchSilence(grantorSilenceMs(session.leaseMs, this.#timing), () => this.#endSession(session))
    return undefined
  }

  /** Undefined: there is no such session. */
  exchange(message: Exchange): ExchangeReply | undefined {
    const session = this.#sessions.get(message.session)
    if (session === undefined) return undefined
    session.hear(message.seen)
    this.#unheard.heardFrom(session)
    if (session.condemned && session.wasTold(session.condemnedBy)) {
      this.#endSession(session)
      return undefined
    }
    for (const request of message.requests) {
      if (session.apply(request.number)) this.#apply(session, request)
    }
    for (const contest of session.contests()) this.#decide(contest)
    return session.reply(message.sequence)
  }

  /** Tells the holder what an operator asks; `answer` comes when it has heard it, or never. */
  ask({ election, token, to }: OperatorRequest, answer: (is: 'told' | 'no-such-candidate') => void): void {
    const holder = this.#contests.get(election)?.holder
    if (holder?.token !== token || holder.freedBy !== undefined) return
    if (to !== null && holder.contest.waiting(to)?.session.connected() !== true)
      return answer('no-such-candidate')
    if (holder.asked?.to !== to) {
      holder.asked = { to, notice: holder.session.tellAsked(holder.candidacy, to) }
    }
    this.#unheard.wait(holder.session, holder.asked.notice, () => answer('told'))
  }

  close(key: string): 'released' | 'gone' {
    const session = this.#sessions.get(key)
    if (session === undefined) return 'gone'
    this.#endSession(session)
    return 'released'
  }

  releaseSession(ticket: SessionTicket): 'released' | 'gone' {
    return this.close(ticket.session)
  }

  watch(key: string, watcher: Watcher): ObservedStates {
    this.#watchers.set(key, watcher)
    return this.#observed(watcher.elections)
  }

  unwatch(key: string): void {
    this.#watchers.delete(key)
  }

  /** Death evidence: frees what is held in token mode, and nothing else (DESIGN §4.1 A6). */
  evidence(candidateId: string): void {
    for (const session of this.#sessions.values()) {
      if (session.id === candidateId) this.#freeTokenMode(session, 'superseded')
    }
  }

  /** The process behind `link` is gone, which is evidence against each of its sessions. */
  crashed(link: Link): void {
    for (const session of this.#sessions.values()) {
      if (session.link === link) this.#freeTokenMode(session, 'superseded')
    }
  }

  /** An operator takes the leadership of `election` away. */
  revoke(election: string): void {
    const holder = this.#contests.get(election)?.holder
    if (holder !== undefined) this.#freeWhenTold(holder, 'revoked')
  }

  /** Takes the sessions of `candidateId` away, with everything they carry. */
  loseSession(candidateId: string): void {
    for (const session of this.#sessions.values()) {
      if (session.id !== candidateId || session.condemned) continue
      session.condemn()
      this.#freeTokenMode(session, 'session-lost')
    }
  }

  /** What is durable stays: sessions, grants, tokens. Nobody was heard before the start (DESIGN §4.1 A4). */
  restart(): void {
    this.#watchers.clear()
    for (const session of this.#sessions.values()) session.startAnew()
  }

  #apply(session: SessionRecord, request: MemoryRequest): void {
    switch (request.type) {
      case 'campaign':
        return this.#campaign(session, request)
      case 'leave':
        return session.answer(request.number, this.#leave(session, request.candidacy))
      case 'transfer':
        return this.#transfer(session, request)
      case 'proclaim':
        return session.answer(request.number, this.#proclaim(session, request.candidacy, request.metadata))
      default:
        request satisfies never
    }
  }

  #campaign(session: SessionRecord, request: MemoryRequest & { readonly type: 'campaign' }): void {
    const contest = this.#contests.get(request.election) ?? new Contest(request.election, request.exclusivity)
    if (contest.exclusivity !== request.exclusivity) {
      session.refuse(request.number, mismatch(contest, request.exclusivity))
      return
    }
    this.#contests.set(contest.name, contest)
    contest.enqueue({
      session,
      candidacy: request.number,
      priority: request.priority,
      metadata: request.metadata,
    })
    session.stands(request.number, contest)
    this.#decide(contest)
    contest.tellWaiters()
  }

  #leave(session: SessionRecord, candidacy: number): 'left' | 'was-not-holder' {
    const contest = session.contestOf(candidacy)
    if (contest === undefined) return 'was-not-holder'
    const { holder } = contest
    if (holder?.session === session && holder.candidacy === candidacy) {
      if (holder.freedBy === undefined) {
        this.#free(holder, undefined)
        return 'left'
      }
      this.#free(holder, undefined)
      return 'was-not-holder'
    }
    session.standsNoMore(candidacy)
    contest.dequeue(session, candidacy)
    this.#decide(contest)
    return 'left'
  }

  #transfer(session: SessionRecord, request: MemoryRequest & { readonly type: 'transfer' }): void {
    const holder = this.#heldBy(session, request.candidacy)
    const successor = holder?.contest.waiting(request.to)
    if (holder === undefined || successor === undefined || !successor.session.connected()) {
      session.answer(request.number, 'refused')
      return
    }
    holder.contest.reserveFor(successor)
    this.#freeWhenTold(holder, 'transferred')
    session.answer(request.number, 'done')
  }

  #proclaim(session: SessionRecord, candidacy: number, metadata: Metadata): 'done' | 'was-not-holder' {
    const holder = this.#heldBy(session, candidacy)
    if (holder === undefined) return 'was-not-holder'
    holder.metadata = metadata
    this.#changed(holder.contest)
    return 'done'
  }

  #heldBy(session: SessionRecord, candidacy: number): Holder | undefined {
    const holder = session.contestOf(candidacy)?.holder
    const holds =
      holder?.session === session && holder.candidacy === candidacy && holder.freedBy === undefined
    return holds ? holder : undefined
  }

  #freeTokenMode(session: SessionRecord, reason: LossReason): void {
    for (const holder of session.held()) {
      if (holder.contest.exclusivity === 'token') this.#free(holder, reason)
    }
  }

  /** Frees at once; `reason` undefined when it was the holder's own wish, whose answer says it. */
  #free(holder: Holder, reason: LossReason | undefined): void {
    const { contest, session } = holder
    const wasSeen = holder.freedBy === undefined
    if (reason !== undefined && wasSeen) session.tellFreed(holder.candidacy, reason)
    session.standsNoMore(holder.candidacy)
    contest.holder = undefined
    if (wasSeen) this.#changed(contest)
    this.#decide(contest)
    contest.tellWaiters()
  }

  /**
   * Ends a leadership whose holder does not know it yet. In time mode nobody follows before the holder has confirmed
   * that it knows, or was silent for its lease.
   */
  #freeWhenTold(holder: Holder, reason: LossReason): void {
    if (holder.freedBy !== undefined) return
    if (holder.contest.exclusivity === 'token') return this.#free(holder, reason)
    holder.freedBy = holder.session.tellFreed(holder.candidacy, reason)
    this.#changed(holder.contest)
  }

  #endSession(session: SessionRecord): void {
    if (!this.#sessions.delete(session.key)) return
    session.end()
    for (const contest of session.contests()) {
      contest.leave(session)
      const { holder } = contest
      if (holder?.session === session) this.#free(holder, undefined)
      else this.#decide(contest)
    }
  }

  /** Names a leader where there is none and somebody who can be reached waits. */
  #decide(contest: Contest): void {
    const { holder } = contest
    if (holder !== undefined) {
      if (holder.freedBy === undefined || !holder.session.wasTold(holder.freedBy)) return
      this.#free(holder, undefined)
      return
    }
    const next = contest.next()
    if (next !== undefined) {
      this.#lastToken++
      contest.grant(next, this.#lastToken)
      this.#changed(contest)
      next.session.tellGranted(next.candidacy, this.#lastToken)
      contest.tellWaiters()
    } else if (contest.empty) {
      // Its exclusivity is forgotten with it; its tokens are not, they are drawn from one counter.
      this.#contests.delete(contest.name)
    }
  }

  #connectedSession(id: string): SessionRecord | undefined {
    for (const session of this.#sessions.values()) {
      if (session.id === id && session.connected()) return session
    }
    return undefined
  }

  #changed(contest: Contest): void {
    this.#revision++
    for (const [key, watcher] of this.#watchers) {
      if (watcher.link.killed) this.#watchers.delete(key)
      else if (watcher.elections.has(contest.name)) {
        const states = this.#observed(new Set([contest.name]))
        watcher.link.toClient(() => watcher.deliver(states))
      }
    }
  }

  #observed(elections: ReadonlySet<string>): ObservedStates {
    const states = [...elections].map(
      (name) => [name, this.#contests.get(name)?.observed() ?? ({ is: 'vacant' } as const)] as const,
    )
    return { revision: this.#revision, states: new Map(states) }
  }
}

function duplicate(id: string, sinceMs: number): MandateError<'DUPLICATE_ID'> {
  return new MandateError(
    'DUPLICATE_ID',
    `candidate '${id}' is already connected, since ${Math.round(sinceMs)} ms; give every process an id of its own`,
    { id, sinceMs },
  )
}

function mismatch(contest: Contest, asked: Exclusivity): MandateError<'INVALID_OPTIONS'> {
  return new MandateError(
    'INVALID_OPTIONS',
    `election '${contest.name}' has exclusivity '${contest.exclusivity}', this candidate asked for '${asked}'; ` +
      'every candidate of an election must ask for the same',
    { option: 'exclusivity', value: asked, expected: contest.exclusivity },
  )
}
