/** What one peer knows. Plain data: `step` changes it in place. */
import { MandateError } from '../../errors.ts'
import { voters } from '../quorum/majority.ts'
import type { PeerId } from '../quorum/types.ts'
import type { SessionKey } from '../support/types.ts'
import { createVoter, stepVoter, type Voter } from '../support/voter.ts'
import { createWithdrawals, type Withdrawals } from '../support/withdrawals.ts'
import { createAgenda, type Agenda } from './agenda.ts'
import { createDamping, type Damping } from './damping.ts'
import type {
  Answer,
  Ballot,
  BullyMessage,
  BullyOptions,
  BullyRecord,
  Led,
  SessionFacts,
  Stand,
} from './types.ts'

/** A session that is closed is over in every epoch. */
export const everyEpoch = Number.MAX_SAFE_INTEGER

/** A session that this peer has heard of. */
export interface Known {
  facts: SessionFacts
  /** Since when it has been heard without a gap. */
  upSince: number
}

/** A session attached to this peer. */
export interface LocalSession {
  facts: SessionFacts
  /** Who has agreed to the epoch of `facts`; null: a majority has, and it was told. */
  opening: Map<PeerId, boolean> | null
  /** When those who have not answered are asked again. */
  dueAt: number
}

/** A session attached to this peer that stands here. */
export interface LocalStand {
  readonly stand: Stand
  readonly tag: number
  /** The epoch that it leads in; null: it waits. */
  granted: number | null
  /** It was announced, and learned who leads. */
  hasAsked: boolean
  /** A majority has answered. */
  isAnswered: boolean
  /** As it was told last. */
  ahead: number
}

/** The one attempt of this peer to make its best candidate lead. */
export interface Contest {
  readonly session: SessionKey
  phase: 'delayed' | 'asking' | 'clearing' | 'voting'
  /** When it goes on by itself. */
  dueAt: number
  round: number
  answers: Map<PeerId, Answer>
  epoch: number
  votes: Map<PeerId, boolean>
  repeats: number
}

export interface Leading {
  readonly session: SessionKey
  readonly epoch: number
  challengedBy: SessionKey | null
}

/** What everybody is to hear, until they say that they did. */
export interface News {
  readonly message: Extract<BullyMessage, { type: 'led' | 'freed' }>
  readonly untold: Set<PeerId>
  /** Who wants to know when a majority has heard. */
  readonly asker: { readonly session: SessionKey; readonly election: string; readonly tag: number } | null
  repeats: number
}

/** One election. */
export interface Seat {
  readonly election: string
  /** This peer's own vote, as on disk or on its way there. */
  vote: { readonly ballot: Ballot; readonly past: readonly Ballot[]; readonly sequence: number } | null
  /** The newest leader known; it may be over. */
  led: Led | null
  won: number
  highest: number
  readonly freed: Map<SessionKey, number>
  readonly standing: Map<SessionKey, Stand>
  readonly local: Map<SessionKey, LocalStand>
  contest: Contest | null
  leading: Leading | null
  /** The candidate id that the last leader handed over to, for as long as others leave it the first turn. */
  heir: { readonly id: string; readonly until: number } | null
  /** How often this peer stood back in this vacancy, and how often it failed. */
  yields: number
  failures: number
  round: number
  /** What this peer has to tell of it. */
  readonly notes: Set<number>
  /** The session whose silence this peer waits for, to stand again. */
  waitsFor: SessionKey | null
  /** Whoever asked a short while ago, and is told when something changes. */
  readonly askers: Map<PeerId, { readonly round: number; readonly stand: Stand; readonly at: number }>
}

export interface Bully {
  readonly options: BullyOptions
  readonly self: PeerId
  readonly everybody: readonly PeerId[]
  readonly others: readonly PeerId[]
  /** This peer's place among the voters: no two wait alike. */
  readonly slot: number
  readonly voter: Voter
  readonly seats: Map<string, Seat>
  readonly known: Map<SessionKey, Known>
  /** The newest session of each candidate id. */
  readonly newest: Map<string, SessionKey>
  readonly local: Map<SessionKey, LocalSession>
  /** Epochs above 1 to which this voter agreed, durable or on their way. */
  readonly reopened: Map<SessionKey, { readonly epoch: number; readonly sequence: number }>
  /** Up to which epoch a majority withdrew. */
  readonly over: Map<SessionKey, number>
  readonly withdrawals: Withdrawals
  /** Sessions whose voters this peer asks to withdraw, and when again. */
  readonly clearing: Map<SessionKey, number>
  readonly news: Map<number, News>
  notes: number
  /** When each news is told again, and when each contest goes on. */
  readonly newsDue: Agenda<number>
  readonly seatsDue: Agenda<Seat>
  /** Elections that wait for the silence of a session. */
  readonly waiting: Map<SessionKey, Set<Seat>>
  /** Elections about which something changed in this step: when they go on is looked at again. */
  readonly touched: Set<Seat>
  /** When each peer was heard last. */
  readonly heardAt: Map<PeerId, number>
  readonly suspects: Set<PeerId>
  /** Up to which of its starts each peer is gone, by death evidence. */
  readonly gone: Map<PeerId, number>
  /** When this peer looked last for sessions to forget. */
  lookedAt: number
  /** When everything that had arrived was read last. */
  polledAt: number
  /** Questions whose answer depends on a silence since then: what would end it may still wait in a socket. */
  inDoubt: { readonly from: PeerId; readonly message: BullyMessage }[]
  readonly damping: Damping
  sequence: number
  durable: number
  /** Of the voter's persist effects, the number that this core gave them. */
  readonly voterSequences: Map<number, number>
  /** Messages to this peer itself, by the write that they wait for. */
  readonly gated: Map<number, BullyMessage[]>
  wakeAt: number | null
}

/** A peer as it comes back from its disk. @throws NOT_A_PEER, INVALID_OPTIONS */
export function createBully(options: BullyOptions, records: readonly BullyRecord[]): Bully {
  checkOptions(options)
  const { self, incarnation, bounds, startedAt, configuration } = options
  const everybody = voters(configuration)
  const withdrawals = records.flatMap((record) => (record.type === 'withdrawal' ? [record.withdrawal] : []))
  const bully: Bully = {
    options,
    self,
    everybody,
    others: everybody.filter((peer) => peer !== self),
    slot: everybody.indexOf(self),
    voter: createVoter({ self, incarnation, bounds, startedAt, withdrawals }),
    seats: new Map(),
    known: new Map(),
    newest: new Map(),
    local: new Map(),
    reopened: new Map(),
    over: new Map(),
    withdrawals: createWithdrawals(),
    clearing: new Map(),
    news: new Map(),
    notes: 0,
    newsDue: createAgenda(),
    seatsDue: createAgenda(),
    waiting: new Map(),
    touched: new Set(),
    heardAt: new Map(),
    suspects: new Set(),
    gone: new Map(),
    lookedAt: startedAt,
    polledAt: startedAt,
    inDoubt: [],
    damping: createDamping(40 * options.heartbeatMs),
    sequence: 0,
    durable: 0,
    voterSequences: new Map(),
    gated: new Map(),
    wakeAt: null,
  }
  for (const record of records) recover(bully, record)
  return bully
}

function recover(bully: Bully, record: BullyRecord): void {
  switch (record.type) {
    case 'vote': {
      const seat = seatOf(bully, record.election)
      const { ballot, past } = record
      seat.vote = { ballot, past, sequence: 0 }
      seat.highest = ballot.epoch
      for (const { stand } of [ballot, ...past]) learn(bully, stand.of, bully.options.startedAt)
      return
    }
    case 'reopened': {
      const { session, epoch } = record.withdrawal
      const last = bully.reopened.get(session)?.epoch ?? 1
      if (epoch > last) bully.reopened.set(session, { epoch, sequence: 0 })
      return
    }
    case 'withdrawal':
      return
    default:
      record satisfies never
  }
}

export function seatOf(bully: Bully, election: string): Seat {
  let seat = bully.seats.get(election)
  if (seat === undefined) {
    seat = {
      election,
      vote: null,
      led: null,
      won: 0,
      highest: 0,
      freed: new Map(),
      standing: new Map(),
      local: new Map(),
      contest: null,
      leading: null,
      heir: null,
      yields: 0,
      failures: 0,
      round: 0,
      notes: new Set(),
      waitsFor: null,
      askers: new Map(),
    }
    bully.seats.set(election, seat)
  }
  return seat
}

/**
 * Notes a session, so that its silence can be measured: from now on, if nothing was known of it. Epochs only grow; the one
 * that this voter agreed to is on disk, and no message takes it back.
 */
export function learn(bully: Bully, facts: SessionFacts, now: number): Known {
  const { session } = facts
  // Whoever still speaks of it has not heard that it ended.
  if (bully.over.get(session) === everyEpoch) return { facts, upSince: now }
  const epoch = Math.max(facts.epoch, bully.reopened.get(session)?.epoch ?? 1)
  let known = bully.known.get(session)
  if (known === undefined) {
    known = { facts: { ...facts, epoch }, upSince: now }
    bully.known.set(session, known)
  } else if (epoch <= known.facts.epoch) return known
  known.facts = { ...facts, epoch }
  stepVoter(bully.voter, { type: 'opened', session, epoch, leaseMs: facts.leaseMs }, now)
  return known
}

function checkOptions({ self, configuration, heartbeatMs, rankStepMs }: BullyOptions): void {
  const peers = voters(configuration)
  if (!peers.includes(self)) {
    throw new MandateError(
      'NOT_A_PEER',
      `'${self}' is not among the voters ${peers.map((peer) => `'${peer}'`).join(', ') || '(none)'}: add it, or start as one of them`,
      { id: self, peers },
    )
  }
  for (const [option, value] of Object.entries({ heartbeatMs, rankStepMs })) {
    if (value > 0) continue
    const expected = 'above 0'
    const message = `${option} is ${value}, but must be ${expected}`
    throw new MandateError('INVALID_OPTIONS', message, { option, value, expected })
  }
}
