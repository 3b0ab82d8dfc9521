/** Proposers and three acceptors on one clock; every message arrives at once, unless its way is cut, or is held back. */
import {
  beat,
  campaign,
  createProposer,
  leave,
  received,
  seek,
  wake,
  type Moment,
  type Proposer,
  type ProposerEffect,
} from '../../../protocols/paxos/proposer/proposer.ts'
import { supportedSince } from '../../../protocols/support/holder.ts'
import { holderValidityMs } from '../../../lease/deadline.ts'
import type { Address, PaxosReply, PaxosRequest } from '../../../protocols/paxos/types.ts'
import type { Round } from '../../../protocols/paxos/proposer/state.ts'
import { between, type Random } from '../../../seams/random.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { Broken } from '../schedule.ts'
import {
  acceptors,
  bounds,
  heartbeatMs,
  instance,
  leaseMs,
  PaxosStage,
  type AcceptorName,
} from './paxos-staged.ts'

interface Player {
  readonly proposer: Proposer<number>
  readonly effects: ProposerEffect[]
  readonly alarms: Map<string, number>
}

export class PaxosScene {
  readonly stage = new PaxosStage()
  readonly players = new Map<string, Player>()
  /** `p>a`: nothing of p reaches a; `a>p`: no answer of a reaches p. */
  readonly cuts = new Set<string>()
  /** In ms, there and back together; of an acceptor, or of `p>a`. */
  readonly roundTripMs = new Map<string, number>()
  readonly #chance: Random

  readonly #agenda: { readonly at: number; readonly act: () => void }[] = []

  join(...sessions: readonly string[]): void {
    for (const session of sessions) {
      const [id = session] = session.split('~')
      const proposer = createProposer<number>({
        session,
        id,
        leaseMs,
        configuration: { voters: acceptors },
        heartbeatMs,
        stepMs: 10,
        patience: 100,
        quietMs: 2 * leaseMs,
      })
      this.players.set(session, { proposer, effects: [], alarms: new Map() })
      this.beat(session)
    }
  }

  constructor(seed = 1) {
    this.#chance = seededRandom(seed)
  }

  /** Heartbeats of everybody, timers and acceptors' wakes, for so long. */
  pass(ms: number): void {
    const end = this.stage.now + ms
    while (this.stage.now < end) {
      this.stage.now += 1
      this.#due()
      for (const name of acceptors) {
        const { wakeAt } = this.stage.acceptor(name)
        if (wakeAt !== null && wakeAt <= this.stage.now && !this.cuts.has(name))
          this.#deliver(name, this.stage.step(name, { type: 'wake' }))
      }
      for (const [session, { alarms }] of this.players) {
        for (const [of, at] of [...alarms]) {
          if (at > this.stage.now || !alarms.delete(of)) continue
          this.run(session, wake(this.proposer(session), of, this.#moment(session)))
        }
        if (this.stage.now % heartbeatMs === 0) this.beat(session)
      }
    }
  }

  beat(session: string): void {
    this.run(session, beat(this.proposer(session), { instant: this.stage.now, ...this.#moment(session) }))
  }

  stand(session: string, of: string = instance): void {
    const request = { instance: of, exclusivity: 'time', priority: 0, metadata: {} } as const
    this.run(session, campaign(this.proposer(session), request, this.stage.now))
  }

  leave(session: string, to: string | null = null): void {
    this.run(session, leave(this.proposer(session), instance, to))
  }

  seek(session: string, to: string): void {
    this.run(session, seek(this.proposer(session), instance, to))
  }

  run(session: string, effects: readonly ProposerEffect[]): void {
    const player = this.#player(session)
    for (const effect of effects) {
      player.effects.push(effect)
      if (effect.type === 'arm')
        player.alarms.set(
          effect.instance,
          this.stage.now + Math.ceil(between(this.#chance, effect.minMs, effect.maxMs)),
        )
      else if (effect.type === 'disarm') player.alarms.delete(effect.instance)
      else if (effect.type === 'send')
        for (const name of effect.to === null ? acceptors : [effect.to as AcceptorName])
          this.#after(this.#oneWayMs(session, name), () => this.tell(session, name, effect.request))
    }
  }

  /** What reaches the acceptor, whoever sent it and when. */
  tell(session: string, name: AcceptorName, request: PaxosRequest): void {
    if (this.cuts.has(name) || this.cuts.has(`${session}>${name}`)) return
    const from: Address = { session, via: 'a', host: null }
    this.#deliver(name, this.stage.step(name, { type: 'request', from, request }))
  }

  /** A timer of the instance that was late. */
  wakes(session: string): void {
    this.run(session, wake(this.proposer(session), instance, this.#moment(session)))
  }

  hears(session: string, from: AcceptorName, reply: PaxosReply): void {
    if (this.cuts.has(`${from}>${session}`) || !this.players.has(session)) return
    this.run(session, received(this.proposer(session), from, reply, this.#moment(session)))
  }

  proposer(session: string): Proposer<number> {
    return this.#player(session).proposer
  }

  until(holds: () => boolean, what: string, withinMs = 5_000): void {
    for (let ms = 0; ms < withinMs; ms++) {
      if (holds()) return
      this.pass(1)
    }
    throw new Broken(`not within ${withinMs} ms: ${what}`)
  }

  roundOf(session: string): Round | null {
    return this.proposer(session).campaigns.get(instance)?.round ?? null
  }

  holds(session: string, of: string = instance): boolean {
    return this.proposer(session).campaigns.get(of)?.phase === 'held'
  }

  did(session: string, type: ProposerEffect['type']): boolean {
    return this.#player(session).effects.some((effect) => effect.type === type)
  }

  requests<Type extends PaxosRequest['type']>(
    session: string,
    type: Type,
  ): Extract<PaxosRequest, { type: Type }>[] {
    return this.#player(session).effects.flatMap((effect) =>
      effect.type === 'send' && effect.request.type === type
        ? [effect.request as Extract<PaxosRequest, { type: Type }>]
        : [],
    )
  }

  #deliver(name: AcceptorName, effects: ReturnType<PaxosStage['step']>): void {
    for (const effect of effects) {
      if (effect.type !== 'reply') continue
      const { to, reply } = effect
      this.#after(this.#oneWayMs(to.session, name), () => this.hears(to.session, name, reply))
    }
  }

  #oneWayMs(session: string, name: AcceptorName): number {
    return (this.roundTripMs.get(`${session}>${name}`) ?? this.roundTripMs.get(name) ?? 0) / 2
  }

  #moment(session: string): Moment {
    const { now } = this.stage
    const since = supportedSince(this.proposer(session).holder)
    return { now, lapsed: since !== null && now - since >= holderValidityMs(leaseMs, bounds) }
  }

  #after(ms: number, act: () => void): void {
    if (ms === 0) act()
    else this.#agenda.push({ at: this.stage.now + ms, act })
  }

  #due(): void {
    for (;;) {
      const next = this.#agenda.findIndex(({ at }) => at <= this.stage.now)
      if (next < 0) return
      const [one] = this.#agenda.splice(next, 1)
      one?.act()
    }
  }

  #player(session: string): Player {
    return this.players.get(session) as Player
  }
}
