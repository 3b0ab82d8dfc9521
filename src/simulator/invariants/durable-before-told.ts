/**
 * Persist before send (S8, Raft Figure 2): nothing speaks for a term, a vote or entries that a crash could undo. Only
 * pre-votes promise nothing.
 */
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { RaftMessage } from '../../protocols/raft/types.ts'
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { diskEvents, disksOf, type Disks, type Folder } from './models/disks.ts'

export const durableBeforeTold: Invariant = {
  name: 'durable-before-told',
  claim:
    'No term, vote or acknowledgement leaves a peer before the record behind it is durable (S8, Raft Figure 2).',
  types: [...diskEvents, 'sent'],
  messages: ['vote', 'vote-reply', 'append', 'append-reply', 'heartbeat', 'heartbeat-reply', 'timeout-now'],
  check: (context) => new DurableBeforeTold(context),
}

type Sent = Extract<HistoryEvent, { type: 'sent' }>

class DurableBeforeTold implements Checker {
  evaluations = 0
  readonly #disks: Disks

  constructor(context: CheckContext) {
    this.#disks = disksOf(context)
  }

  observe(event: HistoryEvent): void {
    if (event.type !== 'sent') return this.#disks.observe(event)
    if (event.message.kind !== 'raft') return
    const { message } = event.message
    if (message.type === 'pre-vote' || message.type === 'pre-vote-reply') return
    this.evaluations += 1
    const { durable } = this.#disks.of(event.process)
    ensure(durable.term >= message.term, () => {
      return `${about(event, message)} speaks for term ${message.term}; its disk says ${durable.term}`
    })
    if (message.type === 'vote') this.#voted(event, message, event.process, durable)
    if (message.type === 'vote-reply' && message.granted) this.#voted(event, message, event.to, durable)
    if (message.type === 'append-reply' && message.accepted && durable.term === message.term) {
      ensure(durable.terms.length >= message.matchIndex, () => {
        return `${about(event, message)} acknowledges entry ${message.matchIndex}; its disk ends at ${durable.terms.length}`
      })
    }
  }

  #voted(event: Sent, message: RaftMessage<unknown>, candidate: PeerId, durable: Folder): void {
    ensure(durable.term > message.term || durable.votedFor === candidate, () => {
      const vote = `a vote for ${candidate} in term ${message.term}`
      return `${about(event, message)} tells of ${vote}; its disk says ${durable.votedFor} in ${durable.term}`
    })
  }
}

function about({ process, run, to, at }: Sent, { type }: RaftMessage<unknown>): string {
  return `${process} (run ${run}), sending ${type} to ${to} at ${at},`
}
