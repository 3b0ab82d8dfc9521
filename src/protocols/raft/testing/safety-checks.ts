/** Raft's promises (Raft Figure 3) and ours, held against the whole history of a run, not only against this moment. */
import { majoritySize } from '../../quorum/majority.ts'
import type { PeerId } from '../../quorum/types.ts'
import { termAt } from '../log.ts'
import type { Entry, RaftEffect, RaftMessage } from '../types.ts'
import type { WorldPeer } from './world-peer.ts'

export class SafetyViolation extends Error {
  override readonly name = 'SafetyViolation'
}

function ensure(holds: boolean, claim: string, facts: () => string): void {
  if (!holds) throw new SafetyViolation(`${claim}: ${facts()}`)
}

const same = (left: Entry<string> | undefined, right: Entry<string>): boolean =>
  left !== undefined && left.term === right.term && left.data === right.data

export class SafetyChecks {
  readonly #leaderOfTerm = new Map<number, PeerId>()
  /** `voter term` to the candidate it was granted to, whatever crashed since. */
  readonly #votes = new Map<string, PeerId>()
  readonly #diskTerm = new Map<PeerId, number>()
  /** `index/term` to its data and the term before it: by induction this is Log Matching. */
  readonly #everWritten = new Map<string, string>()
  /** By index - 1: what was applied first, anywhere. */
  readonly committed: Entry<string>[] = []
  /** By index - 1: the term in which it was committed, which is that of the leader that applied it first. */
  readonly #committedIn: number[] = []
  readonly #applied = new Map<PeerId, number>()
  readonly #reads = new Map<number, number>()
  leaders = 0
  readsAnswered = 0

  onSend(peer: WorldPeer, to: PeerId, message: RaftMessage<string>): void {
    const { disk } = peer
    const isPromise = message.type !== 'pre-vote' && message.type !== 'pre-vote-reply'
    ensure(
      !isPromise || disk.hardState.term >= message.term,
      'Nothing speaks for a term that is not durable',
      () => `${peer.id} sends ${message.type} of term ${message.term}, its disk says ${disk.hardState.term}`,
    )
    if (message.type === 'vote-reply' && message.granted) this.#vote(peer, to, message.term)
    if (message.type === 'vote') this.#vote(peer, peer.id, message.term)
    if (message.type === 'append-reply' && message.accepted && disk.hardState.term === message.term) {
      ensure(
        disk.entries.length >= message.matchIndex,
        'An acknowledged entry is durable',
        () => `${peer.id} acknowledges ${message.matchIndex}, its disk ends at ${disk.entries.length}`,
      )
    }
  }

  #vote(voter: WorldPeer, candidate: PeerId, term: number): void {
    const key = `${voter.id} ${term}`
    const earlier = this.#votes.get(key)
    ensure(
      earlier === undefined || earlier === candidate,
      'One vote a term (Raft §5.2)',
      () => `${voter.id} votes for ${earlier} and for ${candidate} in term ${term}`,
    )
    this.#votes.set(key, candidate)
    const { hardState } = voter.disk
    ensure(
      hardState.term > term || hardState.votedFor === candidate,
      'A vote is durable before it is told (Raft Figure 2)',
      () => `${voter.id} tells of its vote for ${candidate} in ${term}, its disk says ${hardState.votedFor}`,
    )
  }

  afterStep(peer: WorldPeer, effects: readonly RaftEffect<string>[], peers: readonly WorldPeer[]): void {
    for (const effect of effects) {
      if (effect.type === 'became' && effect.role === 'leader') this.#lead(peer, effect.term, peers)
      if (effect.type === 'persist') this.#wrote(peer, effect.entries ?? [])
      if (effect.type === 'commit') this.#apply(peer, effect.entries, peers)
      if (effect.type === 'read-ready') this.#read(effect.id, effect.index)
    }
    const known = this.#diskTerm.get(peer.id) ?? 0
    ensure(
      peer.disk.hardState.term >= known,
      'Terms never fall',
      () => `${peer.id}: ${known} to ${peer.disk.hardState.term}`,
    )
    this.#diskTerm.set(peer.id, peer.disk.hardState.term)
  }

  #lead(peer: WorldPeer, term: number, peers: readonly WorldPeer[]): void {
    const votes = peers.filter((voter) => this.#votes.get(`${voter.id} ${term}`) === peer.id).length
    ensure(
      votes >= majoritySize(peers.length),
      'A leader has the votes of a majority (Raft §5.2)',
      () => `${peer.id} leads term ${term} with ${votes} of ${peers.length}`,
    )
    const earlier = this.#leaderOfTerm.get(term)
    ensure(
      earlier === undefined,
      'Election Safety (Raft §5.2)',
      () => `term ${term} had ${earlier} and now ${peer.id}`,
    )
    this.#leaderOfTerm.set(term, peer.id)
    this.leaders += 1
    for (const entry of this.committed) {
      // A leader of an older term may still be elected, and can commit nothing; the promise is about later terms.
      if ((this.#committedIn[entry.index - 1] ?? 0) >= term) continue
      ensure(
        same(peer.raft.log.entries[entry.index - 1], entry),
        'Leader Completeness (Raft §5.4)',
        () => `${peer.id} leads term ${term} without committed ${entry.index}/${entry.term}`,
      )
    }
  }

  #wrote(peer: WorldPeer, entries: readonly Entry<string>[]): void {
    for (const { index, term, data } of entries) {
      const key = `${index}/${term}`
      const content = `${data} after term ${termAt(peer.raft.log, index - 1)}`
      const earlier = this.#everWritten.get(key)
      ensure(
        earlier === undefined || earlier === content,
        'Log Matching (Raft §5.3)',
        () => `${key} is '${earlier}' and at ${peer.id} '${content}'`,
      )
      this.#everWritten.set(key, content)
    }
  }

  #apply(peer: WorldPeer, entries: readonly Entry<string>[], peers: readonly WorldPeer[]): void {
    for (const entry of entries) {
      const before = this.#applied.get(peer.id) ?? 0
      ensure(
        entry.index === before + 1,
        'Applied in order, each once',
        () => `${peer.id}: ${before}, ${entry.index}`,
      )
      this.#applied.set(peer.id, entry.index)
      const first = this.committed[entry.index - 1]
      ensure(
        first === undefined || same(first, entry),
        'State Machine Safety (Raft §5.4.3)',
        () =>
          `${entry.index} was ${first?.data} of ${first?.term}, ${peer.id} applies ${entry.data} of ${entry.term}`,
      )
      if (first !== undefined) continue
      const copies = peers.filter((one) => same(one.disk.entries[entry.index - 1], entry)).length
      ensure(
        copies >= majoritySize(peers.length),
        'What is committed is on the disks of a majority',
        () => `${entry.index}/${entry.term} is on ${copies} of ${peers.length}`,
      )
      this.committed.push(entry)
      this.#committedIn.push(peer.raft.term)
    }
  }

  onCrash(peer: WorldPeer): void {
    this.#applied.delete(peer.id)
  }

  onRead(id: number): void {
    this.#reads.set(id, this.committed.length)
  }

  #read(id: number, index: number): void {
    this.readsAnswered += 1
    const atLeast = this.#reads.get(id) ?? 0
    ensure(
      index >= atLeast,
      'A read sees all that was committed before it was asked (Dissertation §6.4)',
      () => `read ${id} answers with ${index}, ${atLeast} was committed before`,
    )
  }
}
