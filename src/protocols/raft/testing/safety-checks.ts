/** Raft's promises (Raft Figure 3) and ours, held against the whole history of a run, not only against this moment. */
import { majoritySize } from '../../quorum/majority.ts'
import type { PeerId } from '../../quorum/types.ts'
import { termAt } from '../log.ts'
import type { Raft } from '../state.ts'
import type { Entry, HardState, RaftEffect, RaftMessage } from '../types.ts'

/** What the checks look at: a peer's state, and what is durable on its disk. */
export interface CheckedPeer<Data> {
  readonly id: PeerId
  readonly disk: { readonly hardState: HardState; readonly entries: readonly Entry<Data>[] }
  readonly raft: Raft<Data>
}

/** By name, as the simulator knows them. */
const claims = {
  'durable-before-told': 'Nothing speaks for a term, a vote or an entry that is not durable (Raft Figure 2)',
  'one-vote-per-term': 'One vote a term, whatever restarts (Raft §5.2)',
  'terms-never-fall': 'Terms never fall',
  'elected-by-majority': 'A leader has the votes of a majority (Raft §5.2)',
  'election-safety': 'Election Safety (Raft §5.2)',
  'leader-append-only': 'Leader Append-Only (Raft §5.3)',
  'log-matching': 'Log Matching (Raft §5.3)',
  'leader-completeness': 'Leader Completeness (Raft §5.4)',
  'applied-in-order': 'Applied in order, each once',
  'state-machine-safety': 'State Machine Safety (Raft §5.4.3)',
  'committed-is-durable': 'What is committed is on the disks of a majority',
  'reads-are-linearizable': 'A read sees all that was committed before it was asked (Dissertation §6.4)',
} as const
export type SafetyClaim = keyof typeof claims

export class SafetyViolation extends Error {
  override readonly name = 'SafetyViolation'
  readonly claim: SafetyClaim | 'liveness'

  constructor(claim: SafetyClaim | 'liveness', message: string) {
    super(message)
    this.claim = claim
  }
}

/** Entries travel by reference in every world that uses this, so whoever holds the same data holds the same object. */
function same<Data>(left: Entry<Data> | undefined, right: Entry<Data>): boolean {
  return left === right || (left !== undefined && left.term === right.term && left.data === right.data)
}

interface Written<Data> {
  readonly entry: Entry<Data>
  readonly previousTerm: number | undefined
}

export class SafetyChecks<Data> {
  readonly #leaderOfTerm = new Map<number, PeerId>()
  /** By term: voter to the candidate it was granted to, whatever crashed since. */
  readonly #votes = new Map<number, Map<PeerId, PeerId>>()
  readonly #diskTerm = new Map<PeerId, number>()
  /** By index - 1, one for each term, with the term before it: by induction this is Log Matching. */
  readonly #everWritten: Written<Data>[][] = []
  /** Of who leads, since when it writes in that term: where its log ended. */
  readonly #leads = new Map<PeerId, { readonly term: number; length: number }>()
  /** By index - 1: what was applied first, anywhere. */
  readonly committed: Entry<Data>[] = []
  /** By index - 1: the term in which it was committed, which is that of the leader that applied it first. */
  readonly #committedIn: number[] = []
  readonly #applied = new Map<PeerId, number>()
  readonly #reads = new Map<number, number>()
  /** How often each claim was put to the test. */
  readonly evaluations: Record<SafetyClaim, number>
  leaders = 0
  readsAnswered = 0

  constructor() {
    this.evaluations = Object.fromEntries(Object.keys(claims).map((claim) => [claim, 0])) as Record<
      SafetyClaim,
      number
    >
  }

  #ensure(holds: boolean, claim: SafetyClaim, facts: () => string): void {
    this.evaluations[claim] += 1
    if (!holds) throw new SafetyViolation(claim, `${claims[claim]}: ${facts()}`)
  }

  onSend(peer: CheckedPeer<Data>, to: PeerId, message: RaftMessage<Data>): void {
    if (message.type === 'pre-vote' || message.type === 'pre-vote-reply') return
    const { disk } = peer
    this.#ensure(
      disk.hardState.term >= message.term,
      'durable-before-told',
      () => `${peer.id} sends ${message.type} of term ${message.term}, its disk says ${disk.hardState.term}`,
    )
    if (message.type === 'vote-reply' && message.granted) this.#vote(peer, to, message.term)
    if (message.type === 'vote') this.#vote(peer, peer.id, message.term)
    if (message.type === 'append-reply' && message.accepted && disk.hardState.term === message.term) {
      this.#ensure(
        disk.entries.length >= message.matchIndex,
        'durable-before-told',
        () => `${peer.id} acknowledges ${message.matchIndex}, its disk ends at ${disk.entries.length}`,
      )
    }
  }

  #vote(voter: CheckedPeer<Data>, candidate: PeerId, term: number): void {
    const ballots = this.#ballots(term)
    const earlier = ballots.get(voter.id)
    this.#ensure(
      earlier === undefined || earlier === candidate,
      'one-vote-per-term',
      () => `${voter.id} votes for ${earlier} and for ${candidate} in term ${term}`,
    )
    ballots.set(voter.id, candidate)
    const { hardState } = voter.disk
    this.#ensure(
      hardState.term > term || hardState.votedFor === candidate,
      'durable-before-told',
      () => `${voter.id} tells of its vote for ${candidate} in ${term}, its disk says ${hardState.votedFor}`,
    )
  }

  #ballots(term: number): Map<PeerId, PeerId> {
    let ballots = this.#votes.get(term)
    if (ballots === undefined) this.#votes.set(term, (ballots = new Map()))
    return ballots
  }

  /** Right after the step, before its effects are carried out; `effects` in their order. */
  afterStep(
    peer: CheckedPeer<Data>,
    effects: readonly RaftEffect<Data>[],
    peers: readonly CheckedPeer<Data>[],
  ): void {
    for (const effect of effects) {
      if (effect.type === 'became' && effect.role === 'leader') this.#lead(peer, effect.term, peers)
      if (effect.type === 'persist') this.#wrote(peer, effect.entries ?? [])
      if (effect.type === 'commit') this.#apply(peer, effect.entries, peers)
      if (effect.type === 'read-ready') this.#read(effect.id, effect.index)
    }
    const { term } = peer.disk.hardState
    const known = this.#diskTerm.get(peer.id) ?? 0
    if (term === known) return
    this.#ensure(term > known, 'terms-never-fall', () => `${peer.id}: ${known} to ${term}`)
    this.#diskTerm.set(peer.id, term)
  }

  #lead(peer: CheckedPeer<Data>, term: number, peers: readonly CheckedPeer<Data>[]): void {
    const ballots = this.#ballots(term)
    const { hardState } = peer.disk
    // Who is alone tells nobody of its vote.
    if (hardState.term === term && hardState.votedFor === peer.id && peers.length === 1)
      ballots.set(peer.id, peer.id)
    const votes = peers.filter((voter) => ballots.get(voter.id) === peer.id).length
    this.#ensure(
      votes >= majoritySize(peers.length),
      'elected-by-majority',
      () => `${peer.id} leads term ${term} with ${votes} of ${peers.length}`,
    )
    const earlier = this.#leaderOfTerm.get(term)
    this.#ensure(
      earlier === undefined,
      'election-safety',
      () => `term ${term} had ${earlier} and now ${peer.id}`,
    )
    this.#leaderOfTerm.set(term, peer.id)
    this.leaders += 1
    for (const entry of this.committed) {
      // A leader of an older term may still be elected, and can commit nothing; the promise is about later terms.
      if ((this.#committedIn[entry.index - 1] ?? 0) >= term) continue
      this.#ensure(
        same(peer.raft.log.entries[entry.index - 1], entry),
        'leader-completeness',
        () => `${peer.id} leads term ${term} without committed ${entry.index}/${entry.term}`,
      )
    }
  }

  #wrote(peer: CheckedPeer<Data>, entries: readonly Entry<Data>[]): void {
    if (entries.length === 0) return
    this.#extended(peer, entries)
    for (const entry of entries) {
      const { index, term } = entry
      const previousTerm = termAt(peer.raft.log, index - 1)
      const here = (this.#everWritten[index - 1] ??= [])
      const earlier = here.find((one) => one.entry.term === term)
      if (earlier === undefined) {
        here.push({ entry, previousTerm })
        continue
      }
      this.#ensure(
        same(earlier.entry, entry) && earlier.previousTerm === previousTerm,
        'log-matching',
        () =>
          `${index}/${term} is '${shown(earlier.entry)}' after term ${earlier.previousTerm}, ` +
          `and at ${peer.id} '${shown(entry)}' after term ${previousTerm}`,
      )
    }
  }

  #extended({ id, raft }: CheckedPeer<Data>, entries: readonly Entry<Data>[]): void {
    const known = this.#leads.get(id)
    if (raft.role.name !== 'leader') {
      if (known !== undefined) this.#leads.delete(id)
      return
    }
    const { length } = raft.log.entries
    if (known?.term !== raft.term) {
      this.#leads.set(id, { term: raft.term, length })
      return
    }
    this.#ensure(
      entries[0]?.index === known.length + 1,
      'leader-append-only',
      () => `${id} leads term ${raft.term} and writes ${entries[0]?.index}, its log ended at ${known.length}`,
    )
    known.length = length
  }

  #apply(
    peer: CheckedPeer<Data>,
    entries: readonly Entry<Data>[],
    peers: readonly CheckedPeer<Data>[],
  ): void {
    for (const entry of entries) {
      const before = this.#applied.get(peer.id) ?? 0
      this.#ensure(
        entry.index === before + 1,
        'applied-in-order',
        () => `${peer.id}: ${before}, ${entry.index}`,
      )
      this.#applied.set(peer.id, entry.index)
      const first = this.committed[entry.index - 1]
      if (first !== undefined) {
        this.#ensure(
          same(first, entry),
          'state-machine-safety',
          () =>
            `${entry.index} was '${shown(first)}' of ${first.term}, ` +
            `${peer.id} applies '${shown(entry)}' of ${entry.term}`,
        )
        continue
      }
      const copies = peers.filter((one) => same(one.disk.entries[entry.index - 1], entry)).length
      this.#ensure(
        copies >= majoritySize(peers.length),
        'committed-is-durable',
        () => `${entry.index}/${entry.term} is on ${copies} of ${peers.length}`,
      )
      this.committed.push(entry)
      this.#committedIn.push(peer.raft.term)
    }
  }

  onCrash(peer: CheckedPeer<Data>): void {
    this.#applied.delete(peer.id)
    this.#leads.delete(peer.id)
  }

  onRead(id: number): void {
    this.#reads.set(id, this.committed.length)
  }

  #read(id: number, index: number): void {
    this.readsAnswered += 1
    const atLeast = this.#reads.get(id) ?? 0
    this.#ensure(
      index >= atLeast,
      'reads-are-linearizable',
      () => `read ${id} answers with ${index}, ${atLeast} was committed before`,
    )
  }
}

function shown(entry: Entry<unknown>): string {
  return typeof entry.data === 'string' ? entry.data : JSON.stringify(entry.data, bigintsAsText)
}

function bigintsAsText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
