/** The classic bully of a peer as the host runs it: what its sessions ask, what other peers say, and who observes. */
import {
  askingCore,
  type Core,
  type CoreEffect,
  type CoreInput,
  type CoreStart,
  type SessionAddress,
} from '../../../cluster/engine/engine.ts'
import type { ElectionStatus } from '../../../cluster/messages.ts'
import type { Timing } from '../../../lease/timing.ts'
import { isDead, linkedUntil } from '../../../protocols/bully/classic/contacts.ts'
import { knows } from '../../../protocols/bully/classic/sessions.ts'
import {
  createClassic,
  waitingHere,
  type Classic,
  type Seat,
} from '../../../protocols/bully/classic/state.ts'
import { step } from '../../../protocols/bully/classic/step.ts'
import type {
  ClassicEffect,
  ClassicInput,
  ClassicNews,
  Reign,
  Stand,
} from '../../../protocols/bully/classic/types.ts'
import type { SessionKey } from '../../../protocols/support/types.ts'
import { orderOf } from '../../advisory-rank.ts'
import type { BullyReply, BullyState } from '../words.ts'
import type { ClassicRequest, ClassicWrite } from './words.ts'

type Effect = CoreEffect<BullyReply, ClassicWrite, ClassicRequest>

/** Between two ranks that wait for one vacancy, in ms (DESIGN §4.2). */
const RANK_STEP_MS = 10
/** Elections listed in one answer: a cluster may hold many more than fit a frame. */
const electionsMax = 1_000

export class ClassicCore implements Core<ClassicRequest, BullyReply, ClassicWrite> {
  readonly #classic: Classic
  /** Sessions of this process. */
  readonly #sessions = new Map<SessionKey, SessionAddress>()
  readonly #watchers = new Map<string, Map<SessionKey, SessionAddress>>()

  constructor(timing: Timing, start: CoreStart<ClassicWrite>) {
    this.#classic = createClassic(
      {
        self: start.self,
        peers: start.voters,
        incarnation: start.incarnation,
        heartbeatMs: timing.heartbeatMs,
        rankStepMs: RANK_STEP_MS,
        leaseMs: timing.leaseMs,
        bounds: timing,
      },
      start.records.flatMap(({ records }) => records),
    )
  }

  step(input: CoreInput<ClassicRequest>, now: number): readonly Effect[] {
    switch (input.type) {
      case 'request':
        return this.#requested(input.from, input.request, now)
      case 'evidence':
        return this.#take({ type: 'evidence', peer: input.peer }, now)
      case 'wake':
        return this.#take({ type: 'wake' }, now)
      default:
        return input satisfies never
    }
  }

  #requested(from: SessionAddress, request: ClassicRequest, now: number): Effect[] {
    const peer = askingCore(from)
    const { self } = this.#classic
    switch (request.type) {
      case 'peer':
        return peer === null ? [] : this.#take({ type: 'message', from: peer, message: request.message }, now)
      case 'persisted':
        return peer === self ? this.#take({ type: 'persisted', sequence: request.sequence }, now) : []
      case 'watch': {
        const { election } = request
        const watchers = this.#watchers.get(election) ?? new Map<SessionKey, SessionAddress>()
        this.#watchers.set(election, watchers.set(from.session, from))
        return [{ type: 'reply', to: from, reply: this.#stateOf(election) }]
      }
      case 'unwatch': {
        const watchers = this.#watchers.get(request.election)
        watchers?.delete(from.session)
        if (watchers?.size === 0) this.#watchers.delete(request.election)
        return []
      }
      case 'release': {
        const known = knows(this.#classic, request.session)
        const effects = this.#take({ type: 'ended', session: request.session }, now)
        return [...effects, { type: 'reply', to: from, reply: { type: 'closed', known } }]
      }
      default:
        return from.via === self && from.host !== null ? this.#ofSession(from, request, now) : []
    }
  }

  /** Only sessions of this process stand here. */
  #ofSession(
    from: SessionAddress,
    request: Exclude<ClassicRequest, { type: 'peer' | 'persisted' | 'watch' | 'unwatch' | 'release' }>,
    now: number,
  ): Effect[] {
    const { session } = from
    switch (request.type) {
      case 'open':
        this.#sessions.set(session, from)
        return this.#take({ ...request, session }, now)
      case 'keepalive': {
        // The beat leaves before the answer does: whoever is renewed was heard by all who can hear it.
        const effects = this.#take({ type: 'keepalive', session }, now)
        if (!this.#classic.sessions.has(session)) return effects
        const { self: voter, options } = this.#classic
        const ack = { epoch: request.epoch, sequence: request.sequence, voter }
        const reply = { type: 'ack', ack: { ...ack, voterIncarnation: options.incarnation } } as const
        return [...effects, { type: 'reply', to: from, reply }]
      }
      case 'close': {
        const known = this.#sessions.has(session)
        const effects = this.#take({ type: 'close', session }, now)
        this.#sessions.delete(session)
        return [...effects, { type: 'reply', to: from, reply: { type: 'closed', known } }]
      }
      case 'campaign':
      case 'leave':
      case 'proclaim':
        return this.#take({ ...request, session }, now)
      case 'seek': {
        const { election, to, tag } = request
        const stands = this.#standing(election).some(({ id }) => id === to)
        return [{ type: 'reply', to: from, reply: { type: 'sought', election, tag, stands } }]
      }
      default:
        return request satisfies never
    }
  }

  #take(input: ClassicInput, now: number): Effect[] {
    return step(this.#classic, input, now).flatMap((effect) => this.#translated(effect))
  }

  #translated(effect: ClassicEffect): Effect[] {
    switch (effect.type) {
      case 'send':
        return [{ type: 'ask', to: effect.to, request: { type: 'peer', message: effect.message } }]
      case 'persist': {
        const { sequence, records } = effect
        const request = { type: 'persisted', sequence } as const
        return [
          { type: 'persist', sequence, record: { records } },
          { type: 'ask', to: this.#classic.self, request, after: sequence },
        ]
      }
      case 'wake-at':
        return [effect]
      case 'tell': {
        const to = this.#sessions.get(effect.session)
        return to === undefined ? [] : [{ type: 'reply', to, reply: this.#replyOf(effect.news) }]
      }
      case 'observed': {
        const watchers = this.#watchers.get(effect.election)
        if (watchers === undefined) return []
        const reply = this.#stateOf(effect.election)
        return [...watchers.values()].map((to) => ({ type: 'reply', to, reply }))
      }
      default:
        return effect satisfies never
    }
  }

  #replyOf(news: ClassicNews): BullyReply {
    const { slot } = this.#classic
    switch (news.type) {
      case 'opened':
        return { type: 'opened', epoch: 1 }
      case 'granted':
      case 'risen':
      case 'superseded':
        return { ...news, epoch: numberOf({ epoch: news.epoch, slot }) }
      case 'duplicate':
      case 'over':
      case 'waiting':
      case 'known':
      case 'not-holder':
        return news
      default:
        return news satisfies never
    }
  }

  #stateOf(election: string): BullyState {
    const reign = this.#classic.seats.get(election)?.followed?.reign
    if (reign === undefined)
      return { type: 'state', election, epoch: 0, version: 0, leader: null, isOver: true }
    const { stand, version } = reign
    const leader = { id: stand.id, metadata: stand.metadata }
    return { type: 'state', election, epoch: numberOf(reign), version, leader, isOver: false }
  }

  /** A peer that is alone leads alone. */
  quorumSize(): number {
    return 1
  }

  elections(election: string | null, now: number): readonly ElectionStatus[] {
    const rows: ElectionStatus[] = []
    for (const seat of this.#classic.seats.values()) {
      if (election !== null && seat.election !== election) continue
      const waiting = this.#standing(seat.election)
      if (seat.followed === null && waiting.length === 0) continue
      rows.push({
        name: seat.election,
        exclusivity: 'time',
        leader: leaderOf(seat),
        heldMs: null,
        expiresInMs: this.#expiresInMs(seat, now),
        waiting: waiting.map(({ id, priority }) => ({ id, priority })),
        lastReason: null,
      })
      if (rows.length >= electionsMax) break
    }
    return rows
  }

  /** As far as this peer knows; of the dead nobody waits. */
  #standing(election: string): Stand[] {
    const { seats, contacts } = this.#classic
    const seat = seats.get(election)
    if (seat === undefined) return []
    const elsewhere = [...seat.standing].flatMap(([peer, stands]) => {
      const contact = contacts.get(peer)
      return contact === undefined || isDead(contact) ? [] : [...stands.values()]
    })
    return [...waitingHere(seat).map(({ stand }) => stand), ...elsewhere]
  }

  #expiresInMs({ followed }: Seat, now: number): number | null {
    const contact = followed === null ? undefined : this.#classic.contacts.get(followed.peer)
    return contact === undefined ? null : Math.max(0, linkedUntil(this.#classic, contact) - now)
  }
}

function leaderOf({ followed }: Seat): ElectionStatus['leader'] {
  if (followed === null) return null
  const { stand } = followed.reign
  return { id: stand.id, token: orderOf(followed.reign), metadata: stand.metadata }
}

function numberOf(rank: Pick<Reign, 'epoch' | 'slot'>): number {
  return Number(orderOf(rank))
}
