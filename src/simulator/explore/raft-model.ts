/**
 * The Raft core and its disks, explored: elections with pre-votes, crashes at every point between a decision and its
 * durability, a lossy network that repeats and reorders, timers that fire at any time.
 */
import { majoritySize } from '../../protocols/quorum/majority.ts'
import { step as realStep } from '../../protocols/raft/step.ts'
import { formatEffect, formatMessage } from '../../protocols/raft/testing/transcript-format.ts'
import type { Entry, RaftInput, RaftOptions } from '../../protocols/raft/types.ts'
import { isMandateError } from '../../errors.ts'
import { Interner, PairMemo, canonical } from './interner.ts'
import { MessageSets } from './message-set.ts'
import type { ExploreBounds, Model, Sink, Told } from './model.ts'
import { brokenLocally, type Claim } from './raft-claims.ts'
import { RaftHistory, voteIn, type Facts } from './raft-history.ts'
import {
  crashed,
  fed,
  firstStart,
  isDead,
  promptly,
  keyOf,
  standing,
  unrestricted,
  withoutRefusals,
  written,
} from './raft-process.ts'
import type { Letter, Outcome, PreVotes, Process, Step } from './raft-process.ts'

export interface RaftBounds {
  readonly peers: number
  readonly terms: number
  readonly preVotes: PreVotes
  /** Election timers that fire, of all peers together; at most 15, which counts as any number. */
  readonly timeouts: number
  /** `slow`: anything may happen before a write is durable. `prompt`: it is, before the next input. */
  readonly disk: 'slow' | 'prompt'
  readonly crashes: number
  readonly proposals: number
  /** Of each leader's timer; a broadcast beyond those that follow a commit. */
  readonly heartbeats: number
  /** Evidence of a death, true or false. */
  readonly evidence: number
  readonly transfers: number
}

/** What a step leaves behind, once for every pair of a process and an input. */
interface LocalStep {
  readonly process: number
  readonly letters: readonly number[]
  readonly facts: Facts & { readonly number: number }
  /** It matters to more than this peer. */
  readonly isHistoric: boolean
  readonly broken: Claim | null
}

const kinds = [
  'deliver',
  'learn',
  'election',
  'heartbeat',
  'succession',
  'write',
  'crash',
  'propose',
  'evidence',
  'transfer',
] as const
type Kind = (typeof kinds)[number]
type Budget = 'timeouts' | 'crashes' | 'proposals' | 'heartbeats' | 'evidence' | 'transfers'
const budgets: readonly Budget[] = ['timeouts', 'crashes', 'proposals', 'heartbeats', 'evidence', 'transfers']
/** Places in a state, behind those of the processes. */
const places = 3
const maxPending = 8
const unlimited = 15

const noFacts = { leads: null, committed: [], votes: [], number: 0 } as const

const timing = {
  heartbeatMs: 50,
  electionTimeoutMs: [150, 300],
  rankStepMs: 10,
  maxEntriesPerAppend: 2,
  maxInflightAppends: 2,
} as const satisfies Omit<RaftOptions, 'self' | 'configuration'>

export class RaftModel implements Model {
  readonly name: string
  readonly actors: readonly string[]
  readonly width: number
  readonly checked: Record<string, number> = {}
  readonly #bounds: RaftBounds
  readonly #step: Step
  readonly #processes = new Interner<Process>(keyOf)
  readonly #letters = new Interner<Letter>()
  readonly #facts = new Interner<{ readonly facts: Facts; readonly term: number; readonly self: string }>()
  readonly #network: MessageSets
  readonly #history: RaftHistory
  readonly #prunings = new PairMemo<number>()
  readonly #locals = new PairMemo<LocalStep | null>()

  constructor(name: string, bounds: RaftBounds, step: Step = realStep) {
    this.name = name
    this.#bounds = bounds
    this.#step =
      bounds.preVotes === 'asked' || bounds.heartbeats > 0
        ? step
        : (raft, input) => withoutRefusals(step(raft, input), input)
    this.actors = ['a', 'b', 'c', 'd', 'e'].slice(0, bounds.peers)
    this.width = bounds.peers + places
    this.#network = new MessageSets(bounds.peers, (letter) =>
      this.actors.indexOf(this.#letters.value(letter).to),
    )
    this.#history = new RaftHistory(majoritySize(bounds.peers), this.checked)
  }

  bounds(): ExploreBounds {
    const { peers, terms, crashes } = this.#bounds
    return { peers, terms, messages: this.#network.largest, crashes }
  }

  initial(): number[][] {
    const processes = this.actors.map((self) => {
      const options = { ...timing, self, configuration: { voters: this.actors } }
      return this.#processes.number(this.#settled(firstStart(options, this.#step)).process)
    })
    return [[...processes, this.#network.empty, this.#history.empty, 0]]
  }

  expand(state: Int32Array, sink: Sink): void {
    const peers = this.actors.length
    for (let peer = 0; peer < peers; peer++) {
      for (const letter of this.#network.to(state[peers] as number, peer)) {
        this.#take(state, action('deliver', peer, letter), null, sink)
      }
      this.#take(state, action('election', peer, 0), 'timeouts', sink)
      if (this.#bounds.preVotes === 'granted') this.#learn(state, peer, sink)
      this.#take(state, action('succession', peer, 0), null, sink)
      this.#take(state, action('write', peer, 0), null, sink)
      this.#take(state, action('heartbeat', peer, 0), 'heartbeats', sink)
      for (let durable = 0; durable <= maxPending; durable++) {
        if (!this.#take(state, action('crash', peer, durable), 'crashes', sink)) break
      }
      this.#take(state, action('propose', peer, this.#spent(state, 'proposals')), 'proposals', sink)
      for (let other = 0; other < peers; other++) {
        if (other === peer) continue
        this.#take(state, action('evidence', peer, other), 'evidence', sink)
        this.#take(state, action('transfer', peer, other), 'transfers', sink)
      }
    }
  }

  tell(state: Int32Array, code: number): Told[] {
    const { kind, peer, argument } = parts(code)
    const outcome = this.#outcome(this.#processes.value(state[peer] as number), kind, argument)
    const actor = this.actors[peer] ?? ''
    const lines: Told[] = [{ actor, text: this.#cause(kind, argument) }]
    if (outcome === null) return lines
    for (const effect of outcome.effects) {
      if (effect.type !== 'arm-timer' && effect.type !== 'cancel-timer') {
        lines.push({ actor, text: `  ${formatEffect(effect)}` })
      }
    }
    return lines
  }

  #cause(kind: Kind, argument: number): string {
    switch (kind) {
      case 'deliver': {
        const { from, message } = this.#letters.value(argument)
        return `from ${from}: ${formatMessage(message)}`
      }
      case 'learn':
        return `learns of term ${argument}`
      case 'crash':
        return `crashes${argument === 0 ? '' : `, ${argument} unconfirmed writes on disk`}; starts again`
      case 'write':
        return 'the oldest write is durable'
      case 'propose':
        return `proposes p${argument + 1}`
      case 'evidence':
        return `hears that ${this.actors[argument]} died`
      case 'transfer':
        return `shall hand over to ${this.actors[argument]}`
      case 'election':
      case 'heartbeat':
      case 'succession':
        return `timer ${kind}`
      default:
        return kind satisfies never
    }
  }

  #spent(state: Int32Array, budget: Budget): number {
    return ((state[this.actors.length + 2] as number) >> (4 * budgets.indexOf(budget))) & 15
  }

  /** False if the step is impossible there. */
  #take(state: Int32Array, code: number, budget: Budget | null, sink: Sink): boolean {
    const isCounted = budget !== null && this.#bounds[budget] < unlimited
    if (isCounted && this.#spent(state, budget) >= this.#bounds[budget]) return false
    const { kind, peer, argument } = parts(code)
    const process = state[peer] as number
    const local = this.#local(process, kind, argument)
    if (local === null) return false
    const peers = this.actors.length
    let network = state[peers] as number
    for (const letter of local.letters) {
      if (!this.#isDead(state, letter)) network = this.#network.with(network, letter)
    }
    if (local.process !== process) network = this.#pruned(network, peer, local.process)
    // Nothing happened: a spent budget alone is no state of interest.
    if (local.process === process && network === state[peers] && local.broken === null) return true
    if (local.broken !== null) {
      sink.broken(code, local.broken.invariant, local.broken.message)
      return true
    }
    const next = Array.from(state)
    next[peer] = local.process
    next[peers] = network
    if (isCounted) next[peers + 2] = (next[peers + 2] as number) + (1 << (4 * budgets.indexOf(budget)))
    const broken = this.#judge(next, peer, local)
    if (broken === null) sink.next(code, next)
    else sink.broken(code, broken.invariant, broken.message)
    return true
  }

  /** Of a term that somebody's disk knows: what a refusal would have told. */
  #learn(state: Int32Array, peer: number, sink: Sink): void {
    const self = this.#processes.value(state[peer] as number)
    let newest = 0
    for (let other = 0; other < this.actors.length; other++) {
      newest = Math.max(newest, this.#processes.value(state[other] as number).disk.hardState.term)
    }
    for (let term = self.raft.term + 1; term <= newest; term++) {
      this.#take(state, action('learn', peer, term), null, sink)
    }
  }

  #isDead(state: Int32Array, number: number): boolean {
    if (this.#bounds.preVotes === 'asked') return false
    const letter = this.#letters.value(number)
    return isDead(this.#processes.value(state[this.actors.indexOf(letter.to)] as number), letter)
  }

  #pruned(network: number, peer: number, process: number): number {
    if (this.#bounds.preVotes === 'asked') return network
    return this.#prunings.get(network, process, () => {
      const self = this.#processes.value(process)
      const to = this.actors[peer]
      return this.#network.only(network, (number) => {
        const letter = this.#letters.value(number)
        return letter.to !== to || !isDead(self, letter)
      })
    })
  }

  /** What only all peers together can break; writes the history into the state. */
  #judge(next: number[], peer: number, local: LocalStep): Claim | null {
    if (!local.isHistoric) return null
    const processes = this.actors.map((_, one) => this.#processes.value(next[one] as number))
    const place = this.actors.length + 1
    const after = this.#history.after(next[place] as number, processes, peer, local.facts)
    if (typeof after !== 'number') return after
    next[place] = after
    return null
  }

  #local(process: number, kind: Kind, argument: number): LocalStep | null {
    const input = kinds.length * argument + kinds.indexOf(kind)
    return this.#locals.get(process, input, () => {
      const before = this.#processes.value(process)
      let outcome: Outcome | null
      try {
        outcome = this.#outcome(before, kind, argument)
        if (outcome !== null) outcome = this.#settled(outcome)
      } catch (error) {
        return this.#stopped(process, error)
      }
      return outcome === null || this.#isOutOfBounds(before, outcome) ? null : this.#localOf(before, outcome)
    })
  }

  #settled(outcome: Outcome): Outcome {
    const settled = this.#bounds.disk === 'prompt' ? promptly(outcome, this.#step) : outcome
    return this.#bounds.preVotes === 'granted' ? unrestricted(settled) : settled
  }

  #outcome(process: Process, kind: Kind, argument: number): Outcome | null {
    if (kind === 'write') return written(process, this.#step)
    if (kind === 'crash') return crashed(process, argument, this.#step)
    if (kind === 'election' && this.#bounds.preVotes === 'granted') return standing(process, this.#step)
    const input = this.#input(kind, argument, process)
    return input === null ? null : fed(process, input, this.#step)
  }

  #input(
    kind: Exclude<Kind, 'write' | 'crash'>,
    argument: number,
    { raft }: Process,
  ): RaftInput<string> | null {
    const leads = raft.role.name === 'leader'
    switch (kind) {
      case 'deliver': {
        const { from, message } = this.#letters.value(argument)
        return { type: 'message', from, message }
      }
      case 'learn': {
        const from = raft.others[0] ?? ''
        return { type: 'message', from, message: { type: 'vote-reply', term: argument, granted: false } }
      }
      case 'election':
        return { type: 'timer', timer: 'election' }
      case 'heartbeat':
        return leads ? { type: 'timer', timer: 'heartbeat' } : null
      case 'succession':
        return raft.successionArmed ? { type: 'timer', timer: 'succession' } : null
      case 'propose':
        return leads ? { type: 'propose', data: [`p${argument + 1}`] } : null
      case 'evidence':
        return { type: 'evidence', peer: this.actors[argument] ?? '' }
      case 'transfer':
        return leads ? { type: 'transfer', to: this.actors[argument] ?? '' } : null
      default:
        return kind satisfies never
    }
  }

  /** An invariant of the core itself stopped the peer. */
  #stopped(process: number, error: unknown): LocalStep | null {
    if (isMandateError(error, 'PROTOCOL_ERROR')) return null
    const message = error instanceof Error ? error.message : String(error)
    const broken = { invariant: 'core-assertion', message }
    return { process, letters: [], facts: noFacts, isHistoric: false, broken }
  }

  /** No election beyond the last term: neither held nor prepared, for nothing could come of it. */
  #isOutOfBounds(before: Process, { process: { raft, writes } }: Outcome): boolean {
    const { terms } = this.#bounds
    const asks = raft.role.name === 'pre-candidate' && before.raft.role.name !== 'pre-candidate'
    return raft.term > terms || (asks && raft.term === terms) || writes.length > maxPending
  }

  #localOf(before: Process, outcome: Outcome): LocalStep {
    const { process, sent, effects } = outcome
    let leads: number | null = null
    const committed: Entry<string>[] = []
    for (const effect of effects) {
      if (effect.type === 'became' && effect.role === 'leader') leads = effect.term
      if (effect.type === 'commit') committed.push(...effect.entries)
    }
    const votes = sent.flatMap((letter) => voteIn(letter) ?? [])
    const facts: Facts = { leads, committed, votes }
    const logChanged = canonical(before.raft.log) !== canonical(process.raft.log)
    return {
      process: this.#processes.number(process),
      letters: sent.map((letter) => this.#letters.number(letter)),
      facts: {
        ...facts,
        number: this.#facts.number({ facts, term: process.raft.term, self: process.raft.self }),
      },
      isHistoric: logChanged || votes.length > 0 || leads !== null || committed.length > 0,
      broken: brokenLocally(before, outcome, this.checked),
    }
  }
}

function action(kind: Kind, peer: number, argument: number): number {
  return (argument * 8 + peer) * 16 + kinds.indexOf(kind)
}

function parts(code: number): { kind: Kind; peer: number; argument: number } {
  const peer = Math.floor(code / 16) % 8
  return { kind: kinds[code % 16] ?? 'deliver', peer, argument: Math.floor(code / 128) }
}
