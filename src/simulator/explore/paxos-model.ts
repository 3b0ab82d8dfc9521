/**
 * PaxosLease, explored: three acceptors, two proposers, restarts at any point, time in steps, and a network that loses,
 * doubles and reorders as it likes. The cores are those that run. Whoever may act at a time may also not act then.
 */
import { Interner, PairMemo, canonical } from './interner.ts'
import { MessageSets } from './message-set.ts'
import type { ExploreBounds, Model, Sink, Told } from './model.ts'
import {
  acceptors,
  believes,
  paxosRules,
  proposers,
  startedAcceptor,
  startedProposer,
  steppedAcceptor,
  steppedProposer,
  stoppedAcceptor,
  type AcceptorProcess,
  type Letter,
  type PaxosBounds,
  type PaxosRules,
  type ProposerMove,
  type ProposerProcess,
} from './paxos-parts.ts'
import type { PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import { isDeadReply, isDeadRequest } from './paxos-settled.ts'
import { renamedProposer } from './paxos-symmetry.ts'
import { orders } from './voter-symmetry.ts'

export { paxosRules, type PaxosBounds, type PaxosRules } from './paxos-parts.ts'

/** Whether states that have the same future are taken for one. */
export interface PaxosReductions {
  /** That differ in the names of the acceptors. */
  readonly symmetric: boolean
  /** That differ in letters which can change nothing any more. */
  readonly forgetful: boolean
}

/** A state: acceptors, proposers, what is between each two, the time, how many crashed. */
const [channelPlace, nowPlace, crashesPlace, width] = [5, 11, 12, 13] as const
const kinds = [
  'tick',
  'deliver',
  'hear',
  'beat',
  'stand',
  'again',
  'leave',
  'expire',
  'crash',
  'stop',
] as const
type Kind = (typeof kinds)[number]
const moves = ['beat', 'stand', 'again', 'leave'] as const
const moments = 16
const [toAcceptor, toProposer] = [0, 1] as const

interface Answered {
  readonly process: number
  readonly sent: readonly number[]
}

interface Asked {
  readonly process: number
  readonly sent: readonly (readonly [acceptor: number, message: number])[]
}

/** A step on its way: what happens, where, by which letter of which acceptor or proposer. */
interface Step {
  readonly kind: Kind
  readonly place: number
  readonly other: number
  readonly message: number
}

export class PaxosModel implements Model {
  readonly name: string
  readonly actors = [...acceptors, ...proposers, 'time']
  readonly width = width
  readonly checked: Record<string, number> = { exclusivity: 0, 'token-unique': 0 }
  readonly plain?: () => Model
  readonly #bounds: PaxosBounds
  readonly #rules: PaxosRules
  readonly #reductions: PaxosReductions
  readonly #acceptors = new Interner<AcceptorProcess>()
  readonly #proposers = new Interner<ProposerProcess>(({ proposer: { options, ...rest }, ...other }) =>
    canonical([options.session, rest, other]),
  )
  readonly #messages = new Interner<Letter>()
  readonly #channels: MessageSets
  readonly #acceptorSteps = new PairMemo<Answered>()
  readonly #proposerSteps = new PairMemo<Asked | null>()
  readonly #restarts = new PairMemo<number>()
  readonly #pairs = new PairMemo<number>()
  readonly #cleared = new PairMemo<number>()
  readonly #renamed = new PairMemo<number>()
  #pairCount = 0
  #mostMessages = 0

  constructor(
    name: string,
    bounds: PaxosBounds,
    rules: PaxosRules = paxosRules,
    reductions: PaxosReductions = { symmetric: true, forgetful: true },
  ) {
    this.name = name
    this.#bounds = bounds
    this.#rules = rules
    const isAlike = bounds.reached.every(({ length }) => length === acceptors.length)
    this.#reductions = { ...reductions, symmetric: reductions.symmetric && isAlike }
    if (this.#reductions.symmetric)
      this.plain = () => new PaxosModel(name, bounds, rules, { ...reductions, symmetric: false })
    this.#channels = new MessageSets(2, (message) =>
      'request' in this.#messages.value(message) ? toAcceptor : toProposer,
    )
  }

  bounds(): ExploreBounds {
    const { rounds, crashes } = this.#bounds
    return { peers: acceptors.length, terms: Math.max(...rounds), messages: this.#mostMessages, crashes }
  }

  initial(): number[][] {
    const blank = { life: 0, disk: null }
    const state = Array.from<number>({ length: width }).fill(0)
    for (const place of acceptors.keys())
      state[place] = this.#acceptors.number(startedAcceptor(blank, 0, this.#bounds, this.#rules))
    for (const which of proposers.keys())
      state[acceptors.length + which] = this.#proposers.number(startedProposer(which, this.#bounds))
    state.fill(this.#channels.empty, channelPlace, nowPlace)
    // Where no time passes, whoever stands later might as well have stood at once: what it says may come as late as it likes.
    if (this.#bounds.endsAt > 0) return [state]
    let begun = Int32Array.from(state)
    const sink: Sink = { next: (_step, next) => (begun = Int32Array.from(next)), broken: () => undefined }
    for (const place of proposers.keys())
      this.#proposerStep(begun, sink, { kind: 'stand', place, other: 0, message: 0 })
    return [[...begun]]
  }

  // ---- every step that is possible ------------------------------------------------------------------------------------

  expand(state: Int32Array, sink: Sink): void {
    const none = { other: 0, message: 0 }
    if ((state[nowPlace] as number) < this.#bounds.endsAt) {
      const later = Int32Array.from(state)
      later[nowPlace] = (state[nowPlace] as number) + 1
      this.#next(later, sink, { kind: 'tick', place: 0, ...none })
    }
    for (const place of acceptors.keys()) {
      for (const other of proposers.keys())
        for (const message of this.#channels.to(state[channelOf(place, other)] as number, toAcceptor))
          this.#acceptorStep(state, sink, { kind: 'deliver', place, other, message })
      this.#acceptorStep(state, sink, { kind: 'expire', place, ...none })
      this.#crash(state, sink, place, 'crash')
      if (this.#bounds.stops) this.#crash(state, sink, place, 'stop')
    }
    for (const place of proposers.keys()) {
      for (const other of acceptors.keys())
        for (const message of this.#channels.to(state[channelOf(other, place)] as number, toProposer))
          this.#proposerStep(state, sink, { kind: 'hear', place, other, message })
      for (const kind of moves) this.#proposerStep(state, sink, { kind, place, ...none })
    }
  }

  #acceptorStep(state: Int32Array, sink: Sink, step: Step): void {
    const { kind, place, other, message } = step
    const before = state[place] as number
    const now = state[nowPlace] as number
    const key = 3 * (moments * message + now) + (kind === 'expire' ? 2 : other)
    const { process, sent } = this.#acceptorSteps.get(before, key, () => {
      const heard =
        kind === 'expire'
          ? null
          : { from: proposers[other] ?? '', request: requestOf(this.#messages.value(message)) }
      const outcome = steppedAcceptor(this.#acceptors.value(before), heard, now, this.#rules)
      return {
        process: this.#acceptors.number(outcome.process),
        sent: outcome.sent.map((reply) => this.#messages.number({ reply })),
      }
    })
    const channel = state[channelOf(place, other)] as number
    if (process === before && sent.every((reply) => this.#channels.with(channel, reply) === channel)) return
    const next = Int32Array.from(state)
    next[place] = process
    for (const reply of sent) this.#put(next, place, other, reply)
    this.#next(next, sink, step)
  }

  #crash(state: Int32Array, sink: Sink, place: number, kind: 'crash' | 'stop'): void {
    const crashes = state[crashesPlace] as number
    if (crashes >= this.#bounds.crashes) return
    const before = state[place] as number
    const now = state[nowPlace] as number
    const next = Int32Array.from(state)
    next[place] = this.#restarts.get(before, 2 * now + (kind === 'stop' ? 1 : 0), () => {
      const restarted = kind === 'stop' ? stoppedAcceptor : startedAcceptor
      const process = this.#acceptors.value(before)
      return this.#acceptors.number(restarted(process, now, this.#bounds, this.#rules))
    })
    next[crashesPlace] = crashes + 1
    this.#next(next, sink, { kind, place, other: 0, message: 0 })
  }

  #proposerStep(state: Int32Array, sink: Sink, step: Step): void {
    const { kind, place, other, message } = step
    const before = state[acceptors.length + place] as number
    const now = state[nowPlace] as number
    const key = 3 * (kinds.length * (moments * message + now) + kinds.indexOf(kind)) + other
    const outcome = this.#proposerSteps.get(before, key, () => {
      const cause =
        kind === 'hear'
          ? { from: acceptors[other] ?? '', reply: replyOf(this.#messages.value(message)) }
          : (kind as ProposerMove)
      const made = steppedProposer(
        this.#proposers.value(before),
        place,
        cause,
        now,
        this.#bounds,
        this.#rules,
      )
      if (made === null) return null
      return {
        process: this.#proposers.number(made.process),
        sent: made.sent.map(([to, request]) => [to, this.#messages.number({ request })]),
      }
    })
    if (outcome === null || (outcome.process === before && outcome.sent.length === 0)) return
    const next = Int32Array.from(state)
    next[acceptors.length + place] = outcome.process
    for (const [to, request] of outcome.sent) this.#put(next, to, place, request)
    this.#next(next, sink, step)
  }

  #put(state: Int32Array, acceptor: number, proposer: number, message: number): void {
    const channel = channelOf(acceptor, proposer)
    state[channel] = this.#channels.with(state[channel] as number, message)
  }

  #next(next: Int32Array, sink: Sink, step: Step): void {
    if (this.#reductions.forgetful) this.#forget(next)
    this.#judge(next, sink, step)
    sink.next(numberOf(step), this.#reductions.symmetric ? this.#representative(next) : next)
  }

  // ---- what must hold -------------------------------------------------------------------------------------------------

  #judge(state: Int32Array, sink: Sink, step: Step): void {
    let messages = 0
    for (let channel = channelPlace; channel < nowPlace; channel++)
      messages += this.#channels.size(state[channel] as number)
    this.#mostMessages = Math.max(this.#mostMessages, messages)
    const p = this.#proposers.value(state[3] as number)
    const q = this.#proposers.value(state[4] as number)
    const now = state[nowPlace] as number
    this.checked['exclusivity'] = (this.checked['exclusivity'] ?? 0) + 1
    if (believes(p, now) && believes(q, now))
      sink.broken(numberOf(step), 'exclusivity', `p and q both believe that they lead at ${now}`)
    if (p.won.length === 0 || q.won.length === 0) return
    this.checked['token-unique'] = (this.checked['token-unique'] ?? 0) + 1
    if (p.won.some((token) => q.won.includes(token)))
      sink.broken(numberOf(step), 'token-unique', `p and q won with the same token`)
  }

  // ---- states that have the same future -------------------------------------------------------------------------------

  #forget(state: Int32Array): void {
    for (let channel = channelPlace; channel < nowPlace; channel++) {
      const letters = state[channel] as number
      if (letters === this.#channels.empty) continue
      const acceptor = state[(channel - channelPlace) >> 1] as number
      const proposer = state[acceptors.length + ((channel - channelPlace) & 1)] as number
      const pair = this.#pairs.get(acceptor, proposer, () => (this.#pairCount += 1))
      // What is dead between the two depends on what the proposer knows by the acceptor's name.
      state[channel] = this.#cleared.get(pair, 6 * letters + channel - channelPlace, () => {
        const { acceptor: its } = this.#acceptors.value(acceptor)
        const { proposer: asking } = this.#proposers.value(proposer)
        const name = acceptors[(channel - channelPlace) >> 1] ?? ''
        return this.#channels.only(letters, (message) => {
          const letter = this.#messages.value(message)
          return 'request' in letter
            ? !isDeadRequest(its, asking, letter.request)
            : !isDeadReply(asking, name, letter.reply)
        })
      })
    }
  }

  /** By the acceptors in the order of their numbers; where two have the same, the least of the namings. */
  #representative(state: Int32Array): Int32Array {
    let least = state
    for (const [index, order] of orders.entries()) {
      if (index === 0 || !isSortedBy(state, order)) continue
      const renamed = this.#renamedBy(state, index, order)
      if (isLess(renamed, least)) least = renamed
    }
    return least
  }

  #renamedBy(state: Int32Array, index: number, order: readonly number[]): Int32Array {
    const next = Int32Array.from(state)
    for (const [from, to] of order.entries()) {
      next[to] = state[from] as number
      for (const which of proposers.keys())
        next[channelOf(to, which)] = state[channelOf(from, which)] as number
    }
    for (const which of proposers.keys()) {
      const place = acceptors.length + which
      next[place] = this.#renamed.get(state[place] as number, index, () =>
        this.#proposers.number(renamedProposer(this.#proposers.value(state[place] as number), order)),
      )
    }
    return next
  }

  // ---- for people -----------------------------------------------------------------------------------------------------

  tell(state: Int32Array, number: number): readonly Told[] {
    const { kind, place, other, message } = stepOf(number)
    if (kind === 'tick') return [{ actor: 'time', text: `it is ${(state[nowPlace] ?? 0) + 1}` }]
    if (kind === 'deliver' || kind === 'expire' || kind === 'crash' || kind === 'stop') {
      const actor = acceptors[place] ?? ''
      if (kind !== 'deliver') return [{ actor, text: kind }]
      const request = requestOf(this.#messages.value(message))
      return [{ actor, text: `is asked by ${proposers[other]} ${canonical(request)}` }]
    }
    const actor = proposers[place] ?? ''
    if (kind !== 'hear') return [{ actor, text: kind }]
    return [
      { actor, text: `hears of ${acceptors[other]} ${canonical(replyOf(this.#messages.value(message)))}` },
    ]
  }
}

function channelOf(acceptor: number, proposer: number): number {
  return channelPlace + 2 * acceptor + proposer
}

function requestOf(letter: Letter): PaxosRequest {
  if ('request' in letter) return letter.request
  throw new RangeError('a reply cannot reach an acceptor')
}

function replyOf(letter: Letter): PaxosReply {
  if ('reply' in letter) return letter.reply
  throw new RangeError('a request cannot reach a proposer')
}

/** Whether the acceptors are in ascending order once each is where `order` puts it. */
function isSortedBy(state: Int32Array, order: readonly number[]): boolean {
  for (let from = 0; from < order.length; from++)
    for (let other = 0; other < from; other++) {
      const isBefore = (order[from] as number) < (order[other] as number)
      const difference = (state[from] as number) - (state[other] as number)
      if (isBefore ? difference > 0 : difference < 0) return false
    }
  return true
}

function isLess(left: Int32Array, right: Int32Array): boolean {
  for (let place = 0; place < left.length; place++) {
    const difference = (left[place] as number) - (right[place] as number)
    if (difference !== 0) return difference < 0
  }
  return false
}

function numberOf({ kind, place, other, message }: Step): number {
  return ((message * kinds.length + kinds.indexOf(kind)) * 4 + other) * 4 + place
}

function stepOf(number: number): Step {
  const place = number % 4
  const other = Math.floor(number / 4) % 4
  const rest = Math.floor(number / 16)
  return {
    kind: kinds[rest % kinds.length] ?? 'tick',
    place,
    other,
    message: Math.floor(rest / kinds.length),
  }
}
