/** One peer without a world around it, brought into a state in one line, for tests that look at single steps. */
import type { PeerId } from '../../quorum/types.ts'
import { createRaft } from '../state.ts'
import type { Raft } from '../state.ts'
import { step } from '../step.ts'
import type { Entry, RaftEffect, RaftMessage, RaftOptions, RaftTimer } from '../types.ts'
import { scriptedTiming } from './scenario-cluster.ts'

export interface Beginning {
  readonly voters?: readonly PeerId[]
  readonly term?: number
  readonly votedFor?: PeerId
  /** The term of each entry of the log. */
  readonly terms?: readonly number[]
  readonly options?: Partial<Omit<RaftOptions, 'self' | 'configuration'>>
}

export type Effects = readonly RaftEffect<string>[]

/** Entries at `from` and on, with these terms; a test that compares data names them itself. */
export function entriesOf(terms: readonly number[], from = 1): Entry<string>[] {
  return terms.map((term, offset) => ({ index: from + offset, term, data: `${from + offset}/${term}` }))
}

/** Peer `a`, just recovered and started: a sticky follower. */
export function stickyFollower(beginning: Beginning = {}): Raft<string> {
  const { voters = ['a', 'b', 'c'], terms = [], votedFor = null, options } = beginning
  const term = beginning.term ?? terms.at(-1) ?? 0
  const raft = createRaft<string>(
    { ...scriptedTiming, ...options, self: 'a', configuration: { voters } },
    { hardState: { term, votedFor }, entries: entriesOf(terms) },
  )
  step(raft, { type: 'start' })
  return raft
}

/** The same after the minimum timeout: it votes for others. */
export function follower(beginning: Beginning = {}): Raft<string> {
  const raft = stickyFollower(beginning)
  fire(raft, 'election')
  return raft
}

export function preCandidate(beginning: Beginning = {}): Raft<string> {
  const raft = follower(beginning)
  fire(raft, 'election')
  return raft
}

/** Stands in term + 1; its own vote is durable. */
export function candidate(beginning: Beginning = {}): Raft<string> {
  const raft = preCandidate(beginning)
  for (const peer of raft.others) {
    if (raft.role.name === 'pre-candidate') {
      receive(raft, peer, { type: 'pre-vote-reply', term: raft.term + 1, granted: true })
    }
  }
  persisted(raft)
  return raft
}

/** Leads term + 1; its no-op is durable, and nobody has answered yet. */
export function leader(beginning: Beginning = {}): Raft<string> {
  const raft = candidate(beginning)
  for (const peer of raft.others) {
    if (raft.role.name === 'candidate')
      receive(raft, peer, { type: 'vote-reply', term: raft.term, granted: true })
  }
  persisted(raft)
  return raft
}

export function receive(raft: Raft<string>, from: PeerId, message: RaftMessage<string>): Effects {
  return step(raft, { type: 'message', from, message })
}

export function fire(raft: Raft<string>, timer: RaftTimer): Effects {
  return step(raft, { type: 'timer', timer })
}

/** Everything asked for so far is on the disk. */
export function persisted(raft: Raft<string>): Effects {
  return step(raft, { type: 'persisted', sequence: raft.sequence })
}

/** `from` acknowledges everything the leader has. */
export function acknowledge(raft: Raft<string>, from: PeerId, matchIndex = raft.log.entries.length): Effects {
  return receive(raft, from, { type: 'append-reply', term: raft.term, accepted: true, matchIndex })
}

export function sentTo(effects: Effects, to: PeerId): RaftMessage<string>[] {
  return effects.flatMap((effect) => (effect.type === 'send' && effect.to === to ? [effect.message] : []))
}

export function termsOf(raft: Raft<string>): number[] {
  return raft.log.entries.map((entry) => entry.term)
}
