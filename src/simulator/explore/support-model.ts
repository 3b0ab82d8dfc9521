/**
 * Support, explored: three voters with disks, a holder, an arbiter that asks for every withdrawal it can, a log, clocks
 * that run as wrongly as they may. Time goes on in steps, and nobody ever has to act by a certain step.
 */
import { holderValidityMs } from '../../lease/deadline.ts'
import {
  acknowledged,
  createHolder,
  isEndangered,
  refused,
  reopened,
  sent,
  supportedSince,
} from '../../protocols/support/holder.ts'
import type { SupportMessage } from '../../protocols/support/types.ts'
import { createWithdrawals, withdrawalResult, withdrew } from '../../protocols/support/withdrawals.ts'
import { Interner, PairMemo, canonical } from './interner.ts'
import { MessageSets } from './message-set.ts'
import type { ExploreBounds, Model, Sink, Told } from './model.ts'
import {
  cloneHolder,
  drift,
  fast,
  holderLater,
  later,
  recorded,
  session,
  shown,
  slow,
  started,
  stepped,
  supportRules,
  type HolderProcess,
  type SupportRules,
  type Times,
  type VoterOutcome,
  type VoterProcess,
} from './support-parts.ts'

import { orders, renamedHolder, renamedMessage, renamedVoter } from './voter-symmetry.ts'

export interface SupportBounds {
  /** Of the session, reopens included. */
  readonly epochs: number
  readonly keepalives: number
  readonly crashes: number
  readonly leaseMs: number
  readonly tickMs: number
  /** `worst`: the holder's clock is slow and all others are fast. `any`: every combination of the extremes. */
  readonly clocks: 'worst' | 'any'
  /** States that differ only in the names of the voters are one. */
  readonly symmetric: boolean
}

const voters = ['u', 'v', 'w']
const [holderPlace, logPlace, networkPlace, spentPlace] = [3, 4, 5, 6] as const
const [toVoters, toHolder, toArbiter] = [0, 1, 2] as const
const kinds = [
  'tick',
  'send',
  'deliver',
  'hear',
  'ask',
  'record',
  'crash',
  'apply',
  'reopen',
  'learn',
  'expire',
] as const
type Kind = (typeof kinds)[number]

export class SupportModel implements Model {
  readonly name: string
  readonly actors = [...voters, 'holder', 'log']
  readonly width = 7
  readonly checked: Record<string, number> = { 'ended-is-not-believed': 0, 'withdrawn-is-not-believed': 0 }
  readonly #bounds: SupportBounds
  readonly #rules: SupportRules
  readonly #tick: Times
  readonly #voters = new Interner<VoterProcess>(({ voter: { bounds: _, ...voter }, ...rest }) =>
    canonical([voter, rest]),
  )
  readonly #holders = new Interner<HolderProcess>()
  readonly #messages = new Interner<SupportMessage>()
  readonly #network: MessageSets
  readonly #steps = new PairMemo<{ process: number; sent: readonly number[] } | null>()
  readonly #holderSteps = new PairMemo<number>()
  readonly #believes = new PairMemo<boolean>()
  readonly #withdrawn = new PairMemo<boolean>()
  readonly #flushed = new PairMemo<{ process: number; sent: readonly number[] }>()
  readonly #renamedVoters = new PairMemo<number>()
  readonly #renamedHolders = new PairMemo<number>()
  readonly #renamedMessages = new PairMemo<number>()
  readonly #renamedNetworks = new PairMemo<number>()
  readonly plain?: () => Model

  constructor(name: string, bounds: SupportBounds, rules: SupportRules = supportRules(bounds.tickMs)) {
    this.name = name
    this.#bounds = bounds
    this.#rules = rules
    if (bounds.symmetric) this.plain = () => new SupportModel(name, { ...bounds, symmetric: false }, rules)
    this.#tick = { maxClockDrift: drift, leaseMs: bounds.leaseMs, tickMs: bounds.tickMs }
    this.#network = new MessageSets(3, (message) => receiverOf(this.#messages.value(message)))
  }

  bounds(): ExploreBounds {
    const { epochs, crashes } = this.#bounds
    return { peers: voters.length, terms: epochs, messages: this.#network.largest, crashes }
  }

  initial(): number[][] {
    const worlds: number[][] = []
    for (const rates of this.#rates()) {
      const holder = createHolder<number>({ configuration: { voters }, epoch: 1 })
      const processes = voters.map((name, place) =>
        this.#voters.number(
          started(
            { name, rate: rates[place] ?? fast, now: 0, disk: [], voter: null },
            this.#rules,
            this.#tick,
          ),
        ),
      )
      worlds.push([
        ...processes,
        this.#holders.number({ rate: rates[3] ?? slow, now: 0, holder }),
        2,
        this.#network.empty,
        0,
      ])
    }
    return worlds
  }

  #rates(): number[][] {
    if (this.#bounds.clocks === 'worst') return [[fast, fast, fast, slow]]
    const choices = [slow, fast]
    return choices.flatMap((u) =>
      choices.flatMap((v) => choices.flatMap((w) => choices.map((holder) => [u, v, w, holder]))),
    )
  }

  expand(state: Int32Array, sink: Sink): void {
    const { epoch, ended } = this.#log(state)
    this.#pass(state, sink)
    for (let voter = 0; voter < voters.length; voter++) {
      for (const message of this.#network.to(state[networkPlace] as number, toVoters)) {
        this.#voterStep(state, action('deliver', voter, message), sink)
      }
      for (let asked = 1; asked <= epoch; asked++) this.#voterStep(state, action('ask', voter, asked), sink)
      this.#voterStep(state, action('record', voter, 0), sink)
      if ((state[spentPlace] as number) < this.#bounds.crashes) {
        for (const durable of [0, 1]) this.#voterStep(state, action('crash', voter, durable), sink)
      }
      const applied = this.#voters.value(state[voter] as number).applied
      if (applied < epoch) this.#voterStep(state, action('apply', voter, applied + 1), sink)
      else if (ended && applied === epoch) this.#voterStep(state, action('apply', voter, 0), sink)
    }
    this.#holderActs(state, epoch, sink)
    if (ended) return
    const { holder } = this.#holders.value(state[holderPlace] as number)
    if (epoch < this.#bounds.epochs && isEndangered(holder) && holder.epoch === epoch) {
      this.#emit(state, action('reopen', 0, 0), logPlace, (epoch + 1) * 2, [], sink)
    }
    for (let expired = 1; expired <= epoch; expired++) {
      if (!this.#rules.expires(expired, epoch)) continue
      if (this.#majorityWithdrew(state, expired))
        this.#emit(state, action('expire', 0, expired), logPlace, epoch * 2 + 1, [], sink)
    }
  }

  #holderActs(state: Int32Array, epoch: number, sink: Sink): void {
    const process = this.#holders.value(state[holderPlace] as number)
    const { holder } = process
    if (holder.lastSequence < this.#bounds.keepalives) {
      const sequence = holder.lastSequence + 1
      const keepalive = this.#messages.number({ type: 'keepalive', session, epoch: holder.epoch, sequence })
      this.#holderStep(state, action('send', 0, sequence), [keepalive], sink)
    }
    for (const message of this.#network.to(state[networkPlace] as number, toHolder)) {
      this.#holderStep(state, action('hear', 0, message), [], sink)
    }
    if (holder.epoch < epoch) this.#holderStep(state, action('learn', 0, epoch), [], sink)
  }

  /** Time passes for everybody. */
  #pass(state: Int32Array, sink: Sink): void {
    const next = Array.from(state)
    for (let voter = 0; voter < voters.length; voter++) {
      const outcome = this.#local(state[voter] as number, 'tick', 0)
      if (outcome !== null) next[voter] = outcome.process
    }
    next[holderPlace] = this.#afterHolder(state[holderPlace] as number, 'tick', 0)
    this.#judged(action('tick', 0, 0), next, sink)
  }

  #voterStep(state: Int32Array, code: number, sink: Sink): void {
    const { kind, voter, argument } = parts(code)
    const outcome = this.#local(state[voter] as number, kind, argument)
    if (outcome === null) return
    const spent = (state[spentPlace] as number) + (kind === 'crash' ? 1 : 0)
    if (spent < this.#bounds.crashes)
      return this.#emit(state, code, voter, outcome.process, outcome.sent, sink)
    // Where nobody crashes any more, a record that is late does no more than a message that is late.
    const flushed = this.#flush(outcome.process)
    this.#emit(state, code, voter, flushed.process, [...outcome.sent, ...flushed.sent], sink)
  }

  #flush(number: number): { process: number; sent: readonly number[] } {
    return this.#flushed.get(number, 0, () => {
      let process = this.#voters.value(number)
      const sent: number[] = []
      for (let next = recorded(process); next !== null; next = recorded(process)) {
        process = next.process
        sent.push(...next.sent.map((message) => this.#messages.number(message)))
      }
      return { process: this.#voters.number(process), sent }
    })
  }

  #holderStep(state: Int32Array, code: number, messages: readonly number[], sink: Sink): void {
    const { kind, argument } = parts(code)
    this.#emit(
      state,
      code,
      holderPlace,
      this.#afterHolder(state[holderPlace] as number, kind, argument),
      messages,
      sink,
    )
  }

  #emit(
    state: Int32Array,
    code: number,
    place: number,
    value: number,
    messages: readonly number[],
    sink: Sink,
  ): void {
    let network = state[networkPlace] as number
    const holder = place === holderPlace ? value : (state[holderPlace] as number)
    for (const message of messages)
      if (!this.#isDead(holder, message)) network = this.#network.with(network, message)
    if (place === holderPlace)
      network = this.#network.only(network, (message) => !this.#isDead(holder, message))
    const { kind } = parts(code)
    if (value === state[place] && network === state[networkPlace]) return
    const next = Array.from(state)
    next[place] = value
    next[networkPlace] = network
    if (kind === 'crash') next[spentPlace] = (next[spentPlace] as number) + 1
    this.#judged(code, next, sink)
  }

  /** An acknowledgement that the holder has overtaken can do nothing any more. */
  #isDead(holder: number, number: number): boolean {
    const message = this.#messages.value(number)
    if (message.type !== 'keepalive-ack' && message.type !== 'keepalive-refusal') return false
    const known = this.#holders.value(holder).holder
    if (message.epoch < known.epoch) return true
    if (message.epoch > known.epoch) return false
    return message.type === 'keepalive-refusal'
      ? known.refusals.get(message.voter) === message.reason
      : message.sequence <= (known.acknowledged.get(message.voter) ?? 0)
  }

  #judged(code: number, next: number[], sink: Sink): void {
    const { epoch, ended } = this.#log(next)
    const believes = this.#believesIn(next[holderPlace] as number)
    if (ended) this.checked['ended-is-not-believed'] = (this.checked['ended-is-not-believed'] ?? 0) + 1
    if (ended && believes) {
      sink.broken(code, 'ended-is-not-believed', 'the log ended the session, and its holder still believes')
      return
    }
    const withdrew = voters.filter((_, voter) => this.#withdrewDurably(next[voter] as number, epoch)).length
    if (withdrew >= 2) {
      this.checked['withdrawn-is-not-believed'] = (this.checked['withdrawn-is-not-believed'] ?? 0) + 1
      if (believes) {
        const message = `${withdrew} of 3 voters withdrew epoch ${epoch} for good, and the holder still believes`
        sink.broken(code, 'withdrawn-is-not-believed', message)
        return
      }
    }
    sink.next(code, this.#bounds.symmetric ? this.#representative(next) : next)
  }

  /** Of all states that differ only in names, always the same one. */
  #representative(state: readonly number[]): readonly number[] {
    const nameless = [0, 1, 2].map((place) => this.#renamedVoter(state[place] as number, 0))
    let best: readonly number[] | null = null
    for (const [number, order] of orders.entries()) {
      const kinds = [0, 0, 0]
      for (const [from, to] of order.entries()) kinds[to] = nameless[from] as number
      if ((kinds[0] as number) > (kinds[1] as number) || (kinds[1] as number) > (kinds[2] as number)) continue
      const renamed = number === 0 ? state : this.#renamed(state, number)
      if (best === null || isBefore(renamed, best)) best = renamed
    }
    return best ?? state
  }

  #renamed(state: readonly number[], number: number): number[] {
    const order = orders[number] ?? []
    const naming = (name: string): string => voters[order[voters.indexOf(name)] ?? 0] ?? name
    const next = [...state]
    for (const [from, to] of order.entries()) next[to] = this.#renamedVoter(state[from] as number, to)
    const holder = state[holderPlace] as number
    next[holderPlace] = this.#renamedHolders.get(holder, number, () =>
      this.#holders.number(renamedHolder(this.#holders.value(holder), naming)),
    )
    const network = state[networkPlace] as number
    next[networkPlace] = this.#renamedNetworks.get(network, number, () =>
      this.#network.map(network, (message) =>
        this.#renamedMessages.get(message, number, () =>
          this.#messages.number(renamedMessage(this.#messages.value(message), naming)),
        ),
      ),
    )
    return next
  }

  #renamedVoter(process: number, place: number): number {
    return this.#renamedVoters.get(process, place, () =>
      this.#voters.number(renamedVoter(this.#voters.value(process), voters[place] ?? '')),
    )
  }

  #believesIn(number: number): boolean {
    return this.#believes.get(number, 0, () => {
      const { now, holder } = this.#holders.value(number)
      const since = supportedSince(holder)
      return (
        since !== null &&
        shown(now, this.#tick) - since < holderValidityMs(this.#bounds.leaseMs, this.#rules.holderBounds)
      )
    })
  }

  #withdrewDurably(number: number, epoch: number): boolean {
    return this.#withdrawn.get(number, epoch, () =>
      this.#voters.value(number).disk.some((withdrawal) => withdrawal.epoch === epoch),
    )
  }

  #majorityWithdrew(state: Int32Array, epoch: number): boolean {
    const count = createWithdrawals()
    for (const number of this.#network.to(state[networkPlace] as number, toArbiter)) {
      const message = this.#messages.value(number)
      if (message.type === 'withdraw-answer' && message.epoch === epoch) withdrew(count, message)
    }
    return withdrawalResult(count, { voters }, session, epoch) === 'won'
  }

  #log(state: ArrayLike<number>): { epoch: number; ended: boolean } {
    const log = state[logPlace] as number
    return { epoch: log >> 1, ended: (log & 1) === 1 }
  }

  #local(number: number, kind: Kind, argument: number): { process: number; sent: readonly number[] } | null {
    return this.#steps.get(number, argument * 16 + kinds.indexOf(kind), () => {
      const outcome = this.#voterOutcome(this.#voters.value(number), kind, argument)
      if (outcome === null) return null
      return {
        process: this.#voters.number(outcome.process),
        sent: outcome.sent.map((message) => this.#messages.number(message)),
      }
    })
  }

  #voterOutcome(process: VoterProcess, kind: Kind, argument: number): VoterOutcome | null {
    switch (kind) {
      case 'tick':
        return { process: later(process, this.#tick), sent: [] }
      case 'deliver': {
        const keepalive = this.#messages.value(argument)
        if (keepalive.type !== 'keepalive') return null
        return stepped(process, { type: 'keepalive', from: 'sponsor', keepalive }, this.#rules, this.#tick)
      }
      case 'ask': {
        const request = { type: 'withdraw-request', session, epoch: argument } as const
        return stepped(
          process,
          { type: 'withdraw-request', from: 'arbiter', request },
          this.#rules,
          this.#tick,
        )
      }
      case 'record':
        return recorded(process)
      case 'crash': {
        let before: VoterProcess = process
        for (let durable = 0; durable < argument; durable++) {
          const next = recorded(before)
          if (next === null) return null
          before = next.process
        }
        return { process: started(before, this.#rules, this.#tick), sent: [] }
      }
      case 'apply': {
        const input =
          argument === 0
            ? ({ type: 'closed', session } as const)
            : ({ type: 'opened', session, epoch: argument, leaseMs: this.#bounds.leaseMs } as const)
        const outcome = stepped(process, input, this.#rules, this.#tick)
        return { ...outcome, process: { ...outcome.process, applied: process.applied + 1 } }
      }
      case 'send':
      case 'hear':
      case 'reopen':
      case 'learn':
      case 'expire':
        return null
      default:
        return kind satisfies never
    }
  }

  #afterHolder(number: number, kind: Kind, argument: number): number {
    return this.#holderSteps.get(number, argument * 16 + kinds.indexOf(kind), () => {
      const before = this.#holders.value(number)
      if (kind === 'tick') return this.#holders.number(holderLater(before, this.#tick))
      const holder = cloneHolder(before.holder)
      const now = shown(before.now, this.#tick)
      if (kind === 'send') sent(holder, argument, now)
      if (kind === 'learn') reopened(holder, argument)
      if (kind === 'hear') {
        const message = this.#messages.value(argument)
        if (message.type === 'keepalive-refusal') refused(holder, message)
        if (message.type === 'keepalive-ack') {
          if (this.#rules.counts === 'from the answer' && holder.sent.has(message.sequence)) {
            holder.sent.set(message.sequence, now)
          }
          acknowledged(holder, message)
        }
      }
      return this.#holders.number({ ...before, holder })
    })
  }

  tell(state: Int32Array, code: number): Told[] {
    const { kind, voter, argument } = parts(code)
    const actor = voters[voter] ?? ''
    switch (kind) {
      case 'tick': {
        const { holder, now } = this.#holders.value(state[holderPlace] as number)
        const since = supportedSince(holder)
        const age = since === null ? '' : `; by its clock supported ${shown(now, this.#tick) - since} ms ago`
        return [{ actor: 'holder', text: `2 ms pass${age}` }]
      }
      case 'send':
        return [{ actor: 'holder', text: `sends keepalive ${argument}` }]
      case 'hear':
        return [{ actor: 'holder', text: `hears ${textOf(this.#messages.value(argument))}` }]
      case 'learn':
        return [{ actor: 'holder', text: `learns of epoch ${argument}` }]
      case 'deliver':
        return [{ actor, text: `hears ${textOf(this.#messages.value(argument))}` }]
      case 'ask':
        return [
          { actor, text: `is asked to withdraw epoch ${argument}, and looks how long it heard nothing` },
        ]
      case 'record':
        return [{ actor, text: 'its withdrawal is durable' }]
      case 'crash':
        return [{ actor, text: `crashes${argument === 0 ? '' : ', its withdrawal on disk'}; starts again` }]
      case 'apply':
        return [{ actor, text: argument === 0 ? 'applies the end' : `applies epoch ${argument}` }]
      case 'reopen':
        return [{ actor: 'log', text: `epoch ${this.#log(state).epoch + 1} is opened` }]
      case 'expire':
        return [{ actor: 'log', text: `the session expires: a majority withdrew epoch ${argument}` }]
      default:
        return kind satisfies never
    }
  }
}

function isBefore(left: readonly number[], right: readonly number[]): boolean {
  for (const [place, value] of left.entries()) {
    const other = right[place] as number
    if (value !== other) return value < other
  }
  return false
}

function receiverOf(message: SupportMessage): number {
  if (message.type === 'keepalive') return toVoters
  return message.type === 'withdraw-answer' ? toArbiter : toHolder
}

function textOf(message: SupportMessage): string {
  switch (message.type) {
    case 'keepalive':
      return `keepalive ${message.sequence} of epoch ${message.epoch}`
    case 'keepalive-ack':
      return `that ${message.voter} acknowledges ${message.sequence} of epoch ${message.epoch}`
    case 'keepalive-refusal':
      return `that ${message.voter} refuses epoch ${message.epoch}: ${message.reason}`
    case 'withdraw-request':
      return `the request to withdraw epoch ${message.epoch}`
    case 'withdraw-answer':
      return `that ${message.voter} withdrew epoch ${message.epoch}`
    default:
      return message satisfies never
  }
}

function action(kind: Kind, voter: number, argument: number): number {
  return (argument * 4 + voter) * 16 + kinds.indexOf(kind)
}

function parts(code: number): { kind: Kind; voter: number; argument: number } {
  return {
    kind: kinds[code % 16] ?? 'tick',
    voter: Math.floor(code / 16) % 4,
    argument: Math.floor(code / 64),
  }
}
