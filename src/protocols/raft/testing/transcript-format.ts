/** Messages, effects and states as one line each, for the golden transcripts in `scenarios/`. */
import { lastIndex } from '../log.ts'
import { durableIndex, leaderOf } from '../state.ts'
import type { Raft } from '../state.ts'
import type { Entry, RaftEffect, RaftMessage } from '../types.ts'

export function formatMessage(message: RaftMessage<string>): string {
  const head = `${message.type} term=${message.term}`
  switch (message.type) {
    case 'pre-vote':
      return `${head} last=${message.lastIndex}/${message.lastTerm}`
    case 'vote':
      return `${head} last=${message.lastIndex}/${message.lastTerm}${message.transfer ? ' transfer' : ''}`
    case 'pre-vote-reply':
    case 'vote-reply':
      return `${head} ${message.granted ? 'granted' : 'refused'}`
    case 'append':
      return `${head} previous=${message.previousIndex}/${message.previousTerm} entries=${formatEntries(message.entries)} commit=${message.commit}`
    case 'append-reply':
      return `${head} ${message.accepted ? 'accepted' : 'refused'} match=${message.matchIndex}`
    case 'heartbeat':
      return `${head} commit=${message.commit} round=${message.round} successors=${message.successors.join(',')}`
    case 'heartbeat-reply':
      return `${head} round=${message.round} last=${message.lastIndex}`
    case 'timeout-now':
      return head
    default:
      return message satisfies never
  }
}

export function formatEffect(effect: RaftEffect<string>): string {
  switch (effect.type) {
    case 'send': {
      const after = effect.after === undefined ? '' : ` (after ${effect.after})`
      return `send ${effect.to}: ${formatMessage(effect.message)}${after}`
    }
    case 'persist': {
      const { hardState, entries } = effect
      const vote = hardState === undefined ? '' : ` term=${hardState.term} vote=${hardState.votedFor ?? '-'}`
      return `persist ${effect.sequence}:${vote}${entries === undefined ? '' : ` entries=${formatEntries(entries)}`}`
    }
    case 'arm-timer':
      return `arm ${effect.timer} ${effect.minMs}-${effect.maxMs} ms`
    case 'cancel-timer':
      return `cancel ${effect.timer}`
    case 'commit':
      return `commit ${formatEntries(effect.entries)}`
    case 'appended':
      return `appended ${formatEntries(effect.entries)}`
    case 'proposal-refused':
      return `refused ${effect.data.join(' ')} (leader ${effect.leader ?? '-'})`
    case 'became':
      return `became ${effect.role} term=${effect.term} leader=${effect.leader ?? '-'}`
    case 'read-ready':
      return `read ${effect.id} ready at ${effect.index}`
    case 'read-failed':
      return `read ${effect.id} failed`
    case 'transfer-ended':
      return `transfer ${effect.outcome}`
    default:
      return effect satisfies never
  }
}

/** `index/term data`, and `-` for a no-op. */
export function formatEntries(entries: readonly Entry<string>[]): string {
  return `[${entries.map(({ index, term, data }) => `${index}/${term} ${data ?? '-'}`).join(', ')}]`
}

export function formatState(raft: Raft<string>): string {
  const { term, votedFor, commitIndex } = raft
  const terms = raft.log.entries.map((entry) => entry.term).join(' ')
  const place = `commit=${commitIndex} last=${lastIndex(raft.log)} durable=${durableIndex(raft)}`
  return `${raft.role.name} term=${term} vote=${votedFor ?? '-'} leader=${leaderOf(raft) ?? '-'} ${place} terms=[${terms}]`
}
