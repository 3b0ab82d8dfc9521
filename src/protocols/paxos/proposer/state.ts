/** What a session's proposer knows: of each instance it stands for, and of each acceptor. */
import { createHolder, type Holder } from '../../support/holder.ts'
import type { Configuration, PeerId } from '../../quorum/types.ts'
import type {
  Ballot,
  Exclusivity,
  Instance,
  Metadata,
  OwnEnding,
  PaxosRequest,
  SessionKey,
  Tie,
} from '../types.ts'

export interface ProposerOptions {
  readonly session: SessionKey
  /** Candidate id. */
  readonly id: string
  readonly leaseMs: number
  readonly configuration: Configuration
  readonly heartbeatMs: number
  /** Between the tries of two ranks, at least, in ms. */
  readonly stepMs: number
  /** A session that hears no majority for so many keepalives falls silent for `quietMs`. */
  readonly patience: number
  readonly quietMs: number
}

export type Refusal = 'held' | 'rejected' | 'unsure'

/** One attempt to get a ballot accepted. */
export interface Round {
  readonly ballot: Ballot
  /** `now` when it was sent: every answer to it is of later. */
  readonly begunAt: number
  stage: 'prepare' | 'propose'
  readonly promised: Set<PeerId>
  readonly refused: Map<PeerId, Refusal>
  waitMs: number
  /** How many stand before it, by the longest line. */
  ahead: number
  /** In heartbeats. */
  age: number
  /** `now` of the last answer to its first phase. */
  answeredAt: number
}

export interface Campaign {
  readonly instance: Instance
  readonly exclusivity: Exclusivity
  readonly priority: number
  metadata: Metadata
  revision: number
  phase: 'waiting' | 'contending' | 'held'
  /** Ballot of the acquisition; 0 before it is proposed. */
  token: Ballot
  /** Proposed last. */
  ballot: Ballot
  /** The highest used: a release covers everything up to it. */
  highest: Ballot
  round: Round | null
  /** Who accepted it under the present tie, and in which revision. */
  readonly accepted: Map<PeerId, number>
  /** Who supports another owner. */
  readonly blockedBy: Set<PeerId>
  /** Rejected attempts in a row. */
  tries: number
  /** How long the answers to the first phase of its last attempt took, in ms. */
  roundTripMs: number
  /** `now` of the first attempt. */
  readonly askedAt: number
}

/** Given up, and told again until every acceptor that listens knows. */
export interface Leaving {
  readonly instance: Instance
  readonly ballot: Ballot
  readonly to: string | null
  readonly owned: boolean
  /** An attempt was given back, and the session goes on standing. */
  readonly stays: boolean
  readonly why?: OwnEnding
  readonly open: Set<PeerId>
  answered: boolean
}

export interface AcceptorView extends Tie {
  /** News received under this tie; what came twice counts twice. */
  news: number
  /** How much of it there is, as far as is known. */
  newest: number
  /** Highest keepalive acknowledged, whatever it supports. */
  acknowledged: number
  /** How many of the held instances it has not accepted under this tie. While any is, it supports nothing new. */
  missing: number
}

export interface Proposer<Instant> {
  readonly options: ProposerOptions
  readonly holder: Holder<Instant>
  readonly campaigns: Map<Instance, Campaign>
  /** Those with a round that is at its second phase and not won yet. */
  readonly proposing: Set<Campaign>
  /** Those whose newest metadata some acceptor has not. */
  readonly dirty: Set<Campaign>
  /** By instance and ballot. */
  readonly leaving: Map<string, Leaving>
  readonly seeking: Map<Instance, { readonly to: string; readonly absent: Map<PeerId, boolean> }>
  /** What was held and left, and for how many beats whoever stands again gives way. */
  readonly yielding: Map<Instance, number>
  readonly acceptors: Map<PeerId, AcceptorView>
  held: number
  /** Highest ballot seen anywhere. */
  top: Ballot
  unanswered: number
  quietUntil: number
  /** Of the input that is being worked on. */
  now: number
}

export type ProposerEffect =
  /** Null: to every acceptor. */
  | { readonly type: 'send'; readonly to: PeerId | null; readonly request: PaxosRequest }
  /** One timer per instance; a later effect replaces it. The driver draws. */
  | { readonly type: 'arm'; readonly instance: Instance; readonly minMs: number; readonly maxMs: number }
  | { readonly type: 'disarm'; readonly instance: Instance }
  /** The supported instant moved. */
  | { readonly type: 'renewed' }
  | { readonly type: 'waiting'; readonly instance: Instance; readonly ahead: number }
  /** Accepted by a majority that supports it at least since the session's supported instant. */
  | { readonly type: 'won'; readonly instance: Instance; readonly token: Ballot }
  /** It was held, and is released now: it ran out, or a majority supports somebody else. */
  | { readonly type: 'lost'; readonly instance: Instance; readonly reason: 'expired' | 'superseded' }
  /** Held or kept in another mode; this candidacy is over. */
  | { readonly type: 'refused'; readonly instance: Instance; readonly exclusivity: Exclusivity }
  /** Another session uses the candidate id and is heard; `silentMs` since when. */
  | { readonly type: 'duplicate'; readonly instance: Instance; readonly silentMs: number }
  /** A majority knows that it was given up. */
  | { readonly type: 'left'; readonly instance: Instance; readonly ballot: Ballot; readonly owned: boolean }
  | { readonly type: 'sought'; readonly instance: Instance; readonly to: string; readonly waits: boolean }
  | { readonly type: 'proclaimed'; readonly instance: Instance; readonly revision: number }

export function createProposer<Instant>(options: ProposerOptions): Proposer<Instant> {
  return {
    options,
    holder: createHolder({ configuration: options.configuration, epoch: 1 }),
    campaigns: new Map(),
    proposing: new Set(),
    dirty: new Set(),
    leaving: new Map(),
    seeking: new Map(),
    yielding: new Map(),
    acceptors: new Map(),
    held: 0,
    top: 0,
    unanswered: 0,
    quietUntil: -Infinity,
    now: -Infinity,
  }
}

/** The instance that stands for the right to use a candidate id. */
export function idInstance(id: string): Instance {
  return `i:${id}`
}

export function electionInstance(election: string): Instance {
  return `e:${election}`
}

/** Null for one that is no election. */
export function electionOf(instance: Instance): string | null {
  return instance.startsWith('e:') ? instance.slice(2) : null
}
