/**
 * PaxosLease, explored: three acceptors, two proposers, restarts at any point, time in steps, and a network that loses,
 * doubles and reorders as it likes. The cores are those that run; what they write is durable at once, for that a promise
 * waits for the disk is checked by the simulator.
 *
 * Answers that only make somebody wait (`held`, `unsure`, `free`) are lost here: they change no promise.
 */
import { holderValidityMs } from '../../lease/deadline.ts'
import { createAcceptor, stepAcceptor, type Acceptor } from '../../protocols/paxos/acceptor/acceptor.ts'
import {
  beat,
  campaign,
  createProposer,
  received,
  wake,
  type Proposer,
  type ProposerEffect,
} from '../../protocols/paxos/proposer/proposer.ts'
import type { AcceptorRecord, PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import { supportedSince } from '../../protocols/support/holder.ts'
import { Interner, PairMemo, canonical } from './interner.ts'
import { MessageSets } from './message-set.ts'
import type { ExploreBounds, Model, Sink, Told } from './model.ts'

export interface PaxosBounds {
  /** Of each proposer, the keepalives it may send after its first, which is lost: its proposals carry the same number. */
  readonly keepalives: readonly [number, number]
  /** Of each proposer, the rounds it may begin. */
  readonly rounds: readonly [number, number]
  readonly crashes: number
  /** In steps of time. */
  readonly leaseMs: number
  readonly endsAt: number
}

/** What a test may break. */
export interface PaxosRules {
  readonly step: typeof stepAcceptor
  /** What a restarted acceptor finds on its disk. */
  recovered(disk: AcceptorRecord | null): AcceptorRecord | null
}

export const paxosRules: PaxosRules = { step: stepAcceptor, recovered: (disk) => disk }

const acceptors = ['a', 'b', 'c']
const proposers = ['p', 'q']
const instance = 'e:x'
const clocks = { maxClockDrift: 0.001, tickMs: 0 }
const [networkPlace, nowPlace, crashesPlace] = [5, 6, 7] as const
const kinds = ['tick', 'deliver', 'hear', 'beat', 'stand', 'again', 'expire', 'crash'] as const
type Kind = (typeof kinds)[number]

interface AcceptorProcess {
  readonly life: number
  readonly disk: AcceptorRecord | null
  readonly acceptor: Acceptor
}

interface ProposerProcess {
  readonly keepalives: number
  readonly rounds: number
  readonly proposer: Proposer<number>
  /** Tokens of what it won, in order. */
  readonly won: readonly number[]
}

/** `from` a proposer to whichever acceptor, or from an acceptor to one proposer. */
type Message =
  | { readonly from: number; readonly to: number; readonly request: PaxosRequest }
  | { readonly from: number; readonly to: number; readonly reply: PaxosReply }

interface Outcome {
  readonly process: number
  readonly sent: readonly number[]
}

export class PaxosModel implements Model {
  readonly name: string
  readonly actors = [...acceptors, ...proposers, 'time']
  readonly width = 8
  readonly checked: Record<string, number> = { exclusivity: 0, 'token-unique': 0 }
  readonly #bounds: PaxosBounds
  readonly #rules: PaxosRules
  readonly #acceptors = new Interner<AcceptorProcess>()
  readonly #proposers = new Interner<ProposerProcess>(({ proposer: { options, ...rest }, ...other }) =>
    canonical([options.session, rest, other]),
  )
  readonly #messages = new Interner<Message>()
  readonly #network: MessageSets
  readonly #acceptorSteps = new PairMemo<Outcome>()
  readonly #proposerSteps = new PairMemo<Outcome | null>()

  constructor(name: string, bounds: PaxosBounds, rules: PaxosRules = paxosRules) {
    this.name = name
    this.#bounds = bounds
    this.#rules = rules
    // To acceptors, to p, to q.
    this.#network = new MessageSets(5, (message) => this.#messages.value(message).to)
  }

  bounds(): ExploreBounds {
    const { rounds, crashes } = this.#bounds
    return {
      peers: acceptors.length,
      terms: Math.max(...rounds),
      messages: this.#network.largest,
      crashes,
    }
  }

  initial(): number[][] {
    const places = [
      ...acceptors.map((_, place) => this.#acceptors.number(this.#started(place, 0, null, 0))),
      ...proposers.map((session) =>
        this.#proposers.number({ keepalives: 0, rounds: 0, won: [], proposer: this.#proposer(session) }),
      ),
    ]
    return [[...places, this.#network.empty, 0, 0]]
  }

  #started(place: number, life: number, disk: AcceptorRecord | null, now: number): AcceptorProcess {
    const acceptor = createAcceptor({
      self: acceptors[place] as string,
      incarnation: life + 1,
      bounds: clocks,
      heartbeatMs: this.#bounds.leaseMs,
      startedAt: now,
      recovered: this.#rules.recovered(disk),
    })
    return { life: life + 1, disk, acceptor }
  }

  #proposer(session: string): Proposer<number> {
    return createProposer<number>({
      session,
      id: session,
      leaseMs: this.#bounds.leaseMs,
      configuration: { voters: acceptors },
      heartbeatMs: this.#bounds.leaseMs,
      stepMs: 1,
      patience: 100,
      quietMs: 100,
    })
  }

  // ---- every step that is possible ------------------------------------------------------------------------------------

  expand(state: Int32Array, sink: Sink): void {
    const now = state[nowPlace] as number
    const network = state[networkPlace] as number
    if (now < this.#bounds.endsAt) this.#next(state, sink, action('tick', 0, 0), [[nowPlace, now + 1]])
    for (let place = 0; place < acceptors.length; place++) {
      for (const message of this.#network.to(network, place))
        this.#acceptorStep(state, sink, 'deliver', place, message)
      this.#acceptorStep(state, sink, 'expire', place, 0)
    }
    // One acceptor is like another: which of them restarts makes no difference.
    this.#crash(state, sink, 0)
    for (let which = 0; which < proposers.length; which++) {
      for (const message of this.#network.to(network, acceptors.length + which))
        this.#proposerStep(state, sink, 'hear', which, message)
      for (const kind of ['beat', 'stand', 'again'] as const) this.#proposerStep(state, sink, kind, which, 0)
    }
  }

  #acceptorStep(
    state: Int32Array,
    sink: Sink,
    kind: 'deliver' | 'expire',
    place: number,
    message: number,
  ): void {
    const before = state[place] as number
    const now = state[nowPlace] as number
    const key = 2 * (16 * message + now) + (kind === 'expire' ? 1 : 0)
    const { process, sent } = this.#acceptorSteps.get(before, key, () =>
      this.#stepped(place, before, kind === 'expire' ? null : message, now),
    )
    const network = this.#sent(state, sent)
    if (process === before && network === state[networkPlace]) return
    this.#next(state, sink, action(kind, place, message), [
      [place, process],
      [networkPlace, network],
    ])
  }

  #stepped(place: number, number: number, message: number | null, now: number): Outcome {
    const { acceptor: before, disk, ...rest } = this.#acceptors.value(number)
    const acceptor = structuredClone(before)
    let written = disk
    const heard = message === null ? null : this.#messages.value(message)
    const effects =
      heard === null || !('request' in heard)
        ? this.#rules.step(acceptor, { type: 'wake' }, now)
        : this.#rules.step(
            acceptor,
            {
              type: 'request',
              from: { session: proposers[heard.from] as string, via: 'a', host: null },
              request: heard.request,
            },
            now,
          )
    // Everything may happen at any time here.
    acceptor.wakeAt = null
    const sent: number[] = []
    for (const effect of effects) {
      if (effect.type === 'persist') written = effect.record
      if (effect.type !== 'reply' || !matters.has(effect.reply.type)) continue
      const to = acceptors.length + proposers.indexOf(effect.to.session)
      sent.push(this.#messages.number({ from: place, to, reply: effect.reply }))
    }
    return { process: this.#acceptors.number({ ...rest, acceptor, disk: written }), sent }
  }

  #crash(state: Int32Array, sink: Sink, place: number): void {
    const crashes = state[crashesPlace] as number
    if (crashes >= this.#bounds.crashes) return
    const { life, disk } = this.#acceptors.value(state[place] as number)
    const started = this.#acceptors.number(this.#started(place, life, disk, state[nowPlace] as number))
    this.#next(state, sink, action('crash', place, 0), [
      [place, started],
      [crashesPlace, crashes + 1],
    ])
  }

  #proposerStep(
    state: Int32Array,
    sink: Sink,
    kind: 'hear' | 'beat' | 'stand' | 'again',
    which: number,
    message: number,
  ): void {
    const place = acceptors.length + which
    const before = state[place] as number
    const now = state[nowPlace] as number
    const key = 8 * (16 * message + now) + kinds.indexOf(kind)
    const outcome = this.#proposerSteps.get(before, key, () =>
      this.#proposed(which, before, kind, message, now),
    )
    if (outcome === null) return
    const network = this.#sent(state, outcome.sent)
    if (outcome.process === before && network === state[networkPlace]) return
    this.#next(state, sink, action(kind, which, message), [
      [place, outcome.process],
      [networkPlace, network],
    ])
  }

  #proposed(which: number, number: number, kind: Kind, message: number, now: number): Outcome | null {
    const process = this.#proposers.value(number)
    const { keepalives, rounds } = process
    const [mostKeepalives, mostRounds] = [
      this.#bounds.keepalives[which] ?? 0,
      this.#bounds.rounds[which] ?? 0,
    ]
    const { options, ...rest } = process.proposer
    const proposer: Proposer<number> = { options, ...structuredClone(rest) }
    // A clone keeps what was shared within, so the sets of campaigns still hold those of the map.
    const standing = proposer.campaigns.get(instance)
    let effects: ProposerEffect[] = []
    switch (kind) {
      case 'beat':
        if (rounds === 0 || keepalives >= mostKeepalives) return null
        effects = beat(proposer, { instant: now, lapsed: this.#hasLapsed(proposer, now), now })
        break
      case 'stand':
        if (rounds > 0) return null
        beat(proposer, { instant: now, lapsed: false, now })
        effects = campaign(proposer, { instance, exclusivity: 'time', priority: 0, metadata: {} }, now)
        break
      case 'again':
        if (standing?.phase !== 'waiting' || standing.round !== null || rounds >= mostRounds) return null
        effects = wake(proposer, instance, now)
        break
      case 'hear': {
        const heard = this.#messages.value(message)
        if (!('reply' in heard)) return null
        effects = received(proposer, acceptors[heard.from] as string, heard.reply, now)
        break
      }
      default:
        return null
    }
    const won = [...process.won]
    const sent: number[] = []
    for (const effect of effects) {
      if (effect.type === 'won') won.push(effect.token)
      if (effect.type !== 'send') continue
      for (const [to, name] of acceptors.entries())
        if (effect.to === null || effect.to === name)
          sent.push(this.#messages.number({ from: which, to, request: effect.request }))
    }
    const begun = effects.some((effect) => effect.type === 'send' && effect.request.type === 'prepare')
    // A round beyond the bound is not begun: the acceptor was too slow.
    const isNew = begun && proposer.top !== process.proposer.top
    if (isNew && rounds >= mostRounds) return null
    return {
      process: this.#proposers.number({
        keepalives: keepalives + (kind === 'beat' ? 1 : 0),
        rounds: rounds + (isNew ? 1 : 0),
        proposer,
        won,
      }),
      sent,
    }
  }

  #hasLapsed(proposer: Proposer<number>, now: number): boolean {
    const since = supportedSince(proposer.holder)
    return since !== null && now - since >= holderValidityMs(this.#bounds.leaseMs, clocks)
  }

  #sent(state: Int32Array, sent: readonly number[]): number {
    return sent.reduce((set, message) => this.#network.with(set, message), state[networkPlace] as number)
  }

  // ---- what must hold -------------------------------------------------------------------------------------------------

  #next(
    state: Int32Array,
    sink: Sink,
    step: number,
    changes: readonly (readonly [place: number, value: number])[],
  ): void {
    const next = [...state]
    for (const [place, value] of changes) next[place] = value
    const [p, q] = [3, 4].map((place) => this.#proposers.value(next[place] as number))
    if (p === undefined || q === undefined) return
    const now = next[nowPlace] as number
    this.checked['exclusivity'] = (this.checked['exclusivity'] ?? 0) + 1
    if (this.#believes(p, now) && this.#believes(q, now))
      sink.broken(step, 'exclusivity', `p and q both believe that they lead at ${now}`)
    if (p.won.length > 0 && q.won.length > 0) {
      this.checked['token-unique'] = (this.checked['token-unique'] ?? 0) + 1
      if (p.won.some((token) => q.won.includes(token)))
        sink.broken(step, 'token-unique', `p and q won with the same token`)
    }
    sink.next(step, next)
  }

  #believes({ proposer }: ProposerProcess, now: number): boolean {
    return proposer.campaigns.get(instance)?.phase === 'held' && !this.#hasLapsed(proposer, now)
  }

  // ---- for people -----------------------------------------------------------------------------------------------------

  tell(state: Int32Array, step: number): readonly Told[] {
    const { kind, place, message } = partsOf(step)
    const isOfProposer = kind === 'hear' || kind === 'beat' || kind === 'stand' || kind === 'again'
    const actor =
      kind === 'tick' ? 'time' : isOfProposer ? (proposers[place] ?? '') : (acceptors[place] ?? '')
    if (kind === 'tick') return [{ actor, text: `it is ${(state[nowPlace] ?? 0) + 1}` }]
    if (kind !== 'deliver' && kind !== 'hear') return [{ actor, text: kind }]
    return [{ actor, text: `${kind} ${canonical(this.#messages.value(message))}` }]
  }
}

const matters: ReadonlySet<PaxosReply['type']> = new Set(['promise', 'accepted', 'rejected', 'keepalive-ack'])

function action(kind: Kind, place: number, message: number): number {
  return (message * 8 + kinds.indexOf(kind)) * 4 + place
}

function partsOf(step: number): { kind: Kind; place: number; message: number } {
  const place = step % 4
  const rest = Math.floor(step / 4)
  return { kind: kinds[rest % 8] ?? 'tick', place, message: Math.floor(rest / 8) }
}
