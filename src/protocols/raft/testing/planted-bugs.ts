/** Bugs planted around the Raft core, for tests of its checks: what finds none of them proves nothing. */
import { termAt } from '../log.ts'
import { step } from '../step.ts'
import type { Step } from './scenario-cluster.ts'

/** Known bugs of real implementations, planted around the core: the checks must see each of them. */
export const plantedBugs: Readonly<Record<string, Step>> = {
  'replies leave before the disk has them (skiff)': (raft, input) =>
    step(raft, input).map((effect) => {
      if (effect.type !== 'send' || effect.after === undefined) return effect
      return { type: 'send', to: effect.to, message: effect.message }
    }),
  'a voter forgets its vote (tinyraft)': (raft, input) => {
    if (input.type === 'message' && input.message.type === 'vote' && raft.role.name === 'follower')
      raft.votedFor = null
    return step(raft, input)
  },
  'votes are counted instead of kept by voter (liferaft)': (raft, input) => {
    if (input.type !== 'message' || input.message.type !== 'vote-reply') return step(raft, input)
    const answered = raft.role.name === 'candidate' ? raft.role.votes : new Map()
    const unheard = raft.others.find((peer) => !answered.has(peer)) ?? input.from
    return step(raft, { ...input, from: unheard })
  },
  'the log of a candidate is not compared': (raft, input) => {
    if (input.type !== 'message') return step(raft, input)
    if (input.message.type !== 'vote' && input.message.type !== 'pre-vote') return step(raft, input)
    return step(raft, { ...input, message: { ...input.message, lastTerm: input.message.term } })
  },
  'the entry before an append is not compared': (raft, input) => {
    if (input.type !== 'message' || input.message.type !== 'append') return step(raft, input)
    const previousTerm = termAt(raft.log, input.message.previousIndex)
    if (previousTerm === undefined || input.message.previousIndex <= raft.commitIndex)
      return step(raft, input)
    return step(raft, { ...input, message: { ...input.message, previousTerm } })
  },
  'a write counts as durable as soon as it is asked for': (raft, input) => {
    const effects = step(raft, input)
    if (raft.durableSequence === raft.sequence) return effects
    return [...effects, ...step(raft, { type: 'persisted', sequence: raft.sequence })]
  },
  'a refusal counts as an acknowledgement': (raft, input) => {
    if (input.type !== 'message' || input.message.type !== 'append-reply') return step(raft, input)
    const matchIndex = Math.max(input.message.matchIndex, raft.log.entries.length)
    return step(raft, { ...input, message: { ...input.message, accepted: true, matchIndex } })
  },
  'any old heartbeat answer confirms a read': (raft, input) => {
    if (raft.role.name === 'leader')
      for (const progress of raft.role.progress.values()) progress.round = Infinity
    return step(raft, input)
  },
}
