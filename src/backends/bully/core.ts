/** The bully of a peer as the host runs it: what its sessions ask, what other peers say, and who observes. */
import {
  askingCore,
  type Core,
  type CoreEffect,
  type CoreInput,
  type CoreStart,
  type SessionAddress,
} from '../../cluster/engine/engine.ts'
import type { ElectionStatus } from '../../cluster/messages.ts'
import { grantorSilenceMs } from '../../lease/deadline.ts'
import type { Timing } from '../../lease/timing.ts'
import { holderOf, isFreed, isSilent } from '../../protocols/bully/facts.ts'
import { createBully, type Bully, type Seat } from '../../protocols/bully/state.ts'
import { step } from '../../protocols/bully/step.ts'
import type { BullyEffect, BullyInput, BullyMessage, SessionNews } from '../../protocols/bully/types.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { SessionKey } from '../../protocols/support/types.ts'
import { silenceMs } from '../../protocols/support/voter.ts'
import type { BullyReply, BullyRequest, BullyState, BullyWrite } from './words.ts'

type Effect = CoreEffect<BullyReply, BullyWrite, BullyRequest>

/** Between two ranks that wait for one vacancy, in ms (DESIGN §4.2). */
const RANK_STEP_MS = 10
/** Elections listed in one answer: a cluster may hold many more than fit a frame. */
const electionsMax = 1_000

interface Watcher {
  readonly to: SessionAddress
  readonly askedAt: number
}

export class BullyCore implements Core<BullyRequest, BullyReply, BullyWrite> {
  readonly #bully: Bully
  readonly #tokenBase: bigint
  /** Sessions of this process. */
  readonly #sessions = new Map<SessionKey, SessionAddress>()
  readonly #watchers = new Map<string, Map<SessionKey, Watcher>>()
  /** They ask again every few heartbeats: who has not for so long is dead, and had no time to say so. */
  readonly #watchMs: number
  #sweptAt = -Infinity
  /** Of this core's writes, the number that the host knows them by. */
  readonly #writes = new Map<number, number>()
  #written = 0

  constructor(timing: Timing, tokenBase: bigint, start: CoreStart<BullyWrite>) {
    this.#tokenBase = tokenBase
    this.#watchMs = 100 * timing.heartbeatMs
    this.#bully = createBully(
      {
        self: start.self,
        incarnation: start.incarnation,
        configuration: { voters: start.voters },
        heartbeatMs: timing.heartbeatMs,
        rankStepMs: RANK_STEP_MS,
        bounds: timing,
        startedAt: start.startedAt,
      },
      start.records.flatMap(({ records }) => records),
    )
  }

  step(input: CoreInput<BullyRequest>, now: number): readonly Effect[] {
    switch (input.type) {
      case 'request':
        return this.#requested(input.from, input.request, now)
      case 'evidence':
        return this.#take(input, now)
      case 'wake':
        return this.#take({ type: 'wake' }, now)
      default:
        return input satisfies never
    }
  }

  #requested(from: SessionAddress, request: BullyRequest, now: number): Effect[] {
    const peer = askingCore(from)
    switch (request.type) {
      case 'peer':
        return peer === null ? [] : this.#heard(peer, from, request.message, now)
      case 'persisted':
        if (peer !== this.#bully.self) return []
        this.#writes.delete(request.sequence)
        return this.#take({ type: 'persisted', sequence: request.sequence }, now)
      case 'watch': {
        const watchers = this.#watchers.get(request.election) ?? new Map<SessionKey, Watcher>()
        this.#watchers.set(request.election, watchers.set(from.session, { to: from, askedAt: now }))
        this.#forgetWatchers(now)
        return [{ type: 'reply', to: from, reply: this.#stateOf(request.election, now) }]
      }
      case 'unwatch':
        this.#unwatch(request.election, from.session)
        return []
      case 'release': {
        const known = this.#bully.known.has(request.session)
        const effects = this.#take({ type: 'ended', session: request.session }, now)
        return [...effects, { type: 'reply', to: from, reply: { type: 'closed', known } }]
      }
      default:
        return from.via === this.#bully.self && from.host !== null ? this.#ofSession(from, request, now) : []
    }
  }

  #heard(peer: PeerId, { host }: SessionAddress, message: BullyMessage, now: number): Effect[] {
    const incarnation = host?.incarnation ?? 0
    return this.#take({ type: 'message', from: peer, incarnation, message }, now)
  }

  /** Only sessions of this process stand here. */
  #ofSession(
    from: SessionAddress,
    request: Exclude<BullyRequest, { type: 'peer' | 'persisted' | 'watch' | 'unwatch' | 'release' }>,
    now: number,
  ): Effect[] {
    const { session } = from
    switch (request.type) {
      case 'open': {
        const { epoch, id, leaseMs } = request
        this.#sessions.set(session, from)
        return this.#take({ type: 'open', of: { session, epoch, id, leaseMs, host: from.host } }, now)
      }
      case 'keepalive': {
        const { epoch, sequence } = request
        return this.#take(
          { type: 'keepalive', keepalive: { type: 'keepalive', session, epoch, sequence } },
          now,
        )
      }
      case 'close': {
        const effects = this.#take({ type: 'close', session }, now)
        const known = this.#sessions.delete(session)
        return [...effects, { type: 'reply', to: from, reply: { type: 'closed', known } }]
      }
      case 'campaign': {
        const of = this.#bully.local.get(session)?.facts
        if (of === undefined) return []
        const { election, exclusivity, priority, metadata, tag } = request
        const stand = { of, exclusivity, priority, metadata }
        return this.#take({ type: 'campaign', election, stand, tag }, now)
      }
      case 'leave': {
        const { election, heir, tag } = request
        return this.#take({ type: 'leave', election, session, tag, ...(heir === null ? {} : { heir }) }, now)
      }
      case 'proclaim':
        return this.#take({ ...request, session }, now)
      case 'seek': {
        const { election, to, tag } = request
        const standing = this.#bully.seats.get(election)?.standing.values() ?? []
        // Who asks leads, and waits for nothing.
        const waits = ({ of }: { readonly of: { readonly id: string; readonly session: string } }): boolean =>
          of.id === to && of.session !== from.session && !isSilent(this.#bully, of.session, now)
        const stands = [...standing].some(waits)
        return [{ type: 'reply', to: from, reply: { type: 'sought', election, tag, stands } }]
      }
      default:
        return request satisfies never
    }
  }

  #take(input: BullyInput, now: number): Effect[] {
    return step(this.#bully, input, now).flatMap((effect) => this.#translated(effect, now))
  }

  #translated(effect: BullyEffect, now: number): Effect[] {
    switch (effect.type) {
      case 'send': {
        const request = { type: 'peer', message: effect.message } as const
        const after = effect.after === undefined ? undefined : this.#writes.get(effect.after)
        return [{ type: 'ask', to: effect.to, request, ...(after === undefined ? {} : { after }) }]
      }
      case 'persist': {
        const { sequence, records } = effect
        // One by one: what is written for thousands of elections at once would be more than a record of the log may hold.
        const written = records.map((record): Effect => {
          this.#written += 1
          return { type: 'persist', sequence: this.#written, record: { records: [record] } }
        })
        const after = this.#written
        this.#writes.set(sequence, after)
        return [
          ...written,
          { type: 'ask', to: this.#bully.self, request: { type: 'persisted', sequence }, after },
        ]
      }
      case 'wake-at':
        return [effect]
      case 'tell': {
        const to = this.#sessions.get(effect.session)
        const reply = replyOf(effect.news)
        return to === undefined || reply === null ? [] : [{ type: 'reply', to, reply }]
      }
      case 'observed': {
        const watchers = this.#watchers.get(effect.election)
        if (watchers === undefined) return []
        const reply = this.#stateOf(effect.election, now)
        return [...watchers.values()].map(({ to }) => ({ type: 'reply', to, reply }))
      }
      default:
        return effect satisfies never
    }
  }

  #forgetWatchers(now: number): void {
    if (now - this.#sweptAt < this.#watchMs) return
    this.#sweptAt = now
    for (const [election, watchers] of this.#watchers)
      for (const [session, { askedAt }] of watchers)
        if (now - askedAt > this.#watchMs) this.#unwatch(election, session)
  }

  #unwatch(election: string, session: SessionKey): void {
    const watchers = this.#watchers.get(election)
    watchers?.delete(session)
    if (watchers?.size === 0) this.#watchers.delete(election)
  }

  #stateOf(election: string, now: number): BullyState {
    const seat = this.#bully.seats.get(election)
    const led = seat?.led ?? null
    if (seat === undefined || led === null)
      return { type: 'state', election, epoch: 0, version: 0, leader: null, isOver: true }
    const { epoch, version, stand } = led
    const isOver = isFreed(this.#bully, seat, { epoch, stand }) || this.#leftMs(seat, now) === 0
    const leader = { id: stand.of.id, metadata: stand.metadata }
    return { type: 'state', election, epoch, version, leader, isOver }
  }

  /** How long this voter would still refuse to withdraw from the leader; 0: it has been silent for its lease. */
  #leftMs({ led }: Seat, now: number): number {
    if (led === null) return 0
    const { session, leaseMs } = led.stand.of
    if (!this.#bully.known.has(session)) return 0
    const silent = silenceMs(this.#bully.voter, session, now)
    return Math.max(0, grantorSilenceMs(leaseMs, this.#bully.options.bounds) - silent)
  }

  elections(election: string | null, now: number): readonly ElectionStatus[] {
    const rows: ElectionStatus[] = []
    for (const seat of this.#bully.seats.values()) {
      if (election !== null && seat.election !== election) continue
      if (seat.led === null && seat.standing.size === 0) continue
      rows.push(this.#row(seat, now))
      if (rows.length >= electionsMax) break
    }
    return rows
  }

  #row(seat: Seat, now: number): ElectionStatus {
    const { led } = seat
    const isLed =
      led !== null && holderOf(this.#bully, seat) !== null && !this.#stateOf(seat.election, now).isOver
    const standing = [...seat.standing.values()].filter(({ of }) => !isSilent(this.#bully, of.session, now))
    return {
      name: seat.election,
      exclusivity: led?.stand.exclusivity ?? standing[0]?.exclusivity ?? 'time',
      leader: isLed
        ? {
            id: led.stand.of.id,
            token: this.#tokenBase + BigInt(led.epoch),
            metadata: led.stand.metadata,
          }
        : null,
      heldMs: null,
      expiresInMs: isLed ? this.#leftMs(seat, now) : null,
      waiting: standing
        .filter(({ of }) => of.session !== led?.stand.of.session)
        .map(({ of, priority }) => ({ id: of.id, priority })),
      lastReason: null,
    }
  }
}

/** Null: nobody in a session asked for it. */
function replyOf(news: SessionNews): BullyReply | null {
  switch (news.type) {
    case 'support': {
      const { reply } = news
      if (reply.type === 'keepalive-ack') {
        const { epoch, sequence, voter, voterIncarnation } = reply
        return { type: 'ack', ack: { epoch, sequence, voter, voterIncarnation } }
      }
      const { epoch, voter, reason } = reply
      return { type: 'refusal', refusal: { epoch, voter, reason } }
    }
    case 'refused':
      return { type: 'refused', election: news.election }
    case 'challenged':
      return null
    case 'opened':
    case 'duplicate':
    case 'over':
    case 'granted':
    case 'waiting':
    case 'superseded':
    case 'known':
    case 'not-holder':
      return news
    default:
      return news satisfies never
  }
}
