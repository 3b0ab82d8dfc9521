/**
 * The participants of the model of PaxosLease, as values: what one of them becomes by one step, and what it says then.
 * What an acceptor writes is durable at once; that a promise waits for the disk is checked by the simulator.
 */
import { holderValidityMs } from '../../lease/deadline.ts'
import {
  createAcceptor,
  stepAcceptor,
  stopAcceptor,
  type Acceptor,
} from '../../protocols/paxos/acceptor/acceptor.ts'
import {
  beat,
  campaign,
  createProposer,
  leave,
  received,
  wake,
  type Proposer,
  type ProposerEffect,
} from '../../protocols/paxos/proposer/proposer.ts'
import type { AcceptorInput, AcceptorRecord, PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import { supportedSince } from '../../protocols/support/holder.ts'
import { forgetNewcomer, settledAcceptor, settledProposer, settledRecord } from './paxos-settled.ts'

export interface PaxosBounds {
  /** Of each proposer, the keepalives it may send after its first, which is lost: its proposals carry the same number. */
  readonly keepalives: readonly [number, number]
  /** Of each proposer, the highest ballot that it has seen before: equal, or one has to lose to know a higher one. */
  readonly tops: readonly [number, number]
  /** Of each proposer, the rounds it may begin. */
  readonly rounds: readonly [number, number]
  /** Of each proposer, how often it may give up what it has or asked for. */
  readonly leaves: readonly [number, number]
  /** Of each proposer, the acceptors that hear it: two of the three, for more rounds and more time. */
  readonly reached: readonly [readonly number[], readonly number[]]
  readonly crashes: number
  /** Whether an acceptor may also stop in order, which counts as a crash, and start again with what it wrote then. */
  readonly stops: boolean
  /** In steps of time. */
  readonly leaseMs: number
  readonly endsAt: number
}

/** What a test may break. */
export interface PaxosRules {
  readonly step: typeof stepAcceptor
  readonly hear: typeof received
  /** What a restarted acceptor finds on its disk. */
  recovered(disk: AcceptorRecord | null): AcceptorRecord | null
}

export const paxosRules: PaxosRules = { step: stepAcceptor, hear: received, recovered: (disk) => disk }

export const acceptors = ['a', 'b', 'c']
export const proposers = ['p', 'q']
export const instance = 'e:x'
export const clocks = { maxClockDrift: 0.001, tickMs: 0 }

export interface AcceptorProcess {
  readonly life: number
  readonly disk: AcceptorRecord | null
  readonly acceptor: Acceptor
}

export interface ProposerProcess {
  readonly keepalives: number
  readonly rounds: number
  readonly leaves: number
  readonly proposer: Proposer<number>
  /** Tokens of what it won, in order. */
  readonly won: readonly number[]
}

/** Between one acceptor and one proposer. */
export type Letter = { readonly request: PaxosRequest } | { readonly reply: PaxosReply }

export interface AcceptorOutcome {
  readonly process: AcceptorProcess
  /** To whoever asked. */
  readonly sent: readonly PaxosReply[]
}

export interface ProposerOutcome {
  readonly process: ProposerProcess
  /** Each to the acceptor in this place. */
  readonly sent: readonly (readonly [to: number, request: PaxosRequest])[]
}

export interface Heard {
  readonly from: string
  readonly reply: PaxosReply
}

/** What may happen to a proposer besides an answer. */
export type ProposerMove = 'beat' | 'stand' | 'again' | 'leave'

/** Answers that make somebody wait, or tell that it need not wait any more, change no promise: they are lost here. */
const carried: ReadonlySet<PaxosReply['type']> = new Set(['promise', 'accepted', 'rejected', 'keepalive-ack'])

export function startedAcceptor(
  { life, disk }: Pick<AcceptorProcess, 'life' | 'disk'>,
  now: number,
  { leaseMs }: PaxosBounds,
  rules: PaxosRules,
): AcceptorProcess {
  const acceptor = createAcceptor({
    // No acceptor asks for its own name.
    self: '',
    incarnation: life + 1,
    bounds: clocks,
    heartbeatMs: leaseMs,
    startedAt: now,
    recovered: rules.recovered(disk),
  })
  return { life: life + 1, disk, acceptor: settledAcceptor(acceptor, now) }
}

/** Its next life after it stopped in order. */
export function stoppedAcceptor(
  { life, disk, acceptor }: AcceptorProcess,
  now: number,
  bounds: PaxosBounds,
  rules: PaxosRules,
): AcceptorProcess {
  const last = stopAcceptor(acceptor, now)
  // The record stays on the disk: that a later life does not count on it is the acceptor's own rule.
  return startedAcceptor({ life, disk: last ?? disk }, now, bounds, rules)
}

/** `heard` null: it looks who was silent for long enough. */
export function steppedAcceptor(
  { acceptor: before, disk, life }: AcceptorProcess,
  heard: { readonly from: string; readonly request: PaxosRequest } | null,
  now: number,
  rules: PaxosRules,
): AcceptorOutcome {
  const acceptor = structuredClone(before)
  const effects = rules.step(acceptor, inputOf(heard), now)
  let written = disk
  const sent: PaxosReply[] = []
  for (const effect of effects) {
    if (effect.type === 'persist') written = settledRecord(effect.record)
    if (effect.type !== 'reply' || effect.to.session !== heard?.from || !carried.has(effect.reply.type))
      continue
    const { reply } = effect
    sent.push(reply.type === 'keepalive-ack' ? { ...reply, told: 0 } : reply)
  }
  if (heard?.request.type === 'prepare') forgetNewcomer(acceptor, before, heard.from)
  return { process: { life, disk: written, acceptor: settledAcceptor(acceptor, now) }, sent }
}

function inputOf(heard: { readonly from: string; readonly request: PaxosRequest } | null): AcceptorInput {
  if (heard === null) return { type: 'wake' }
  return { type: 'request', from: { session: heard.from, via: 'a', host: null }, request: heard.request }
}

export function startedProposer(place: number, { leaseMs, tops }: PaxosBounds): ProposerProcess {
  const session = proposers[place] ?? ''
  const proposer = createProposer<number>({
    session,
    id: session,
    leaseMs,
    configuration: { voters: acceptors },
    heartbeatMs: leaseMs,
    stepMs: 1,
    patience: 100,
    quietMs: 100,
  })
  proposer.top = tops[place] ?? 0
  return { keepalives: 0, rounds: 0, leaves: 0, won: [], proposer }
}

/** Null: it cannot do that now, or would pass a bound. */
export function steppedProposer(
  process: ProposerProcess,
  place: number,
  cause: ProposerMove | Heard,
  now: number,
  bounds: PaxosBounds,
  rules: PaxosRules,
): ProposerOutcome | null {
  const { options, ...rest } = process.proposer
  // A clone keeps what was shared within, so the sets of campaigns still hold those of the map.
  const proposer: Proposer<number> = { options, ...structuredClone(rest) }
  const effects = effectsOf(proposer, process, place, cause, now, bounds, rules)
  if (effects === null) return null
  const won = [...process.won]
  const sent: [number, PaxosRequest][] = []
  let rounds = process.rounds
  for (const effect of effects) {
    if (effect.type === 'won') won.push(effect.token)
    if (effect.type !== 'send') continue
    for (const to of bounds.reached[place] ?? [])
      if (effect.to === null || effect.to === acceptors[to]) sent.push([to, effect.request])
  }
  const highest = Math.max(0, ...sent.map(([, request]) => (request.type === 'prepare' ? request.ballot : 0)))
  if (highest > (process.proposer.campaigns.get(instance)?.highest ?? 0)) rounds += 1
  // A round beyond the bound is not begun: what caused it comes too late.
  if (rounds > (bounds.rounds[place] ?? 0)) return null
  const next = {
    keepalives: process.keepalives + (cause === 'beat' ? 1 : 0),
    leaves: process.leaves + (cause === 'leave' ? 1 : 0),
    rounds,
    won,
  }
  return { process: { ...next, proposer: settledProposer(proposer) }, sent }
}

function effectsOf(
  proposer: Proposer<number>,
  { keepalives, rounds, leaves }: ProposerProcess,
  place: number,
  cause: ProposerMove | Heard,
  now: number,
  bounds: PaxosBounds,
  rules: PaxosRules,
): readonly ProposerEffect[] | null {
  const moment = { now, lapsed: hasLapsed(proposer, now) }
  if (typeof cause === 'object') return rules.hear(proposer, cause.from, cause.reply, moment)
  const standing = proposer.campaigns.get(instance)
  switch (cause) {
    case 'beat': {
      if (proposer.holder.lastSequence === 0 || keepalives >= (bounds.keepalives[place] ?? 0)) return null
      return beat(proposer, { instant: now, ...moment })
    }
    case 'stand':
      if (standing !== undefined || rounds >= (bounds.rounds[place] ?? 0)) return null
      if (proposer.holder.lastSequence === 0) beat(proposer, { instant: now, lapsed: false, now })
      return campaign(proposer, { instance, exclusivity: 'time', priority: 0, metadata: {} }, now)
    case 'again':
      return standing === undefined ? null : wake(proposer, instance, moment)
    case 'leave':
      if (standing === undefined || leaves >= (bounds.leaves[place] ?? 0)) return null
      return leave(proposer, instance)
    default:
      return cause satisfies never
  }
}

export function hasLapsed(proposer: Proposer<number>, now: number): boolean {
  const since = supportedSince(proposer.holder)
  return since !== null && now - since >= holderValidityMs(proposer.options.leaseMs, clocks)
}

/** Whether it would say that it leads. */
export function believes({ proposer }: ProposerProcess, now: number): boolean {
  return proposer.campaigns.get(instance)?.phase === 'held' && !hasLapsed(proposer, now)
}
