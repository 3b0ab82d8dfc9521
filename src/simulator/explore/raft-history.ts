/**
 * What must hold over a whole history, not only now: who led each term, what was committed. It is part of the state,
 * numbered like everything else.
 */
import type { Entry } from '../../protocols/raft/types.ts'
import { Interner, PairMemo } from './interner.ts'
import { count, type Claim } from './raft-claims.ts'
import type { Letter, Process } from './raft-process.ts'

export interface Vote {
  readonly voter: string
  readonly term: number
  readonly candidate: string
}

/** A candidate that asks for votes has its own. */
export function voteIn({ from, to, message }: Letter): Vote | null {
  if (message.type === 'vote') return { voter: from, candidate: from, term: message.term }
  if (message.type !== 'vote-reply' || !message.granted) return null
  return { voter: from, candidate: to, term: message.term }
}

interface History {
  readonly votes: readonly Vote[]
  /** By term. */
  readonly leaders: readonly (string | null)[]
  /** By index - 1; `in` is the term of whoever applied it first. */
  readonly committed: readonly { readonly entry: Entry<string>; readonly in: number }[]
}

/** What a step of one peer adds. */
export interface Facts {
  readonly leads: number | null
  readonly committed: readonly Entry<string>[]
  readonly votes: readonly Vote[]
}

const byVoter = (left: Vote, right: Vote): number =>
  left.term - right.term || (left.voter < right.voter ? -1 : 1)

const same = (left: Entry<string> | undefined, right: Entry<string>): boolean =>
  left !== undefined && left.term === right.term && left.data === right.data

export class RaftHistory {
  readonly #histories = new Interner<History>()
  readonly #majority: number
  readonly #checked: Record<string, number>
  readonly #after = new PairMemo<number>()
  readonly empty: number

  constructor(majority: number, checked: Record<string, number>) {
    this.#majority = majority
    this.#checked = checked
    this.empty = this.#histories.number({ votes: [], leaders: [], committed: [] })
  }

  /** The number of the history after this step, or what the step broke. */
  after(
    number: number,
    processes: readonly Process[],
    peer: number,
    step: Facts & { readonly number: number },
  ): number | Claim {
    const process = processes[peer] as Process
    const history = this.#histories.value(number)
    return (
      this.#logMismatch(process, processes) ??
      this.#secondVote(history, step.votes) ??
      (step.leads === null ? null : this.#unfit(history, process, step.leads)) ??
      this.#unsafe(history, process, processes, step.committed) ??
      this.#after.get(number, step.number, () => this.#histories.number(grown(history, process, step)))
    )
  }

  #secondVote({ votes }: History, given: readonly Vote[]): Claim | null {
    for (const vote of given) {
      count(this.#checked, 'one-vote-a-term')
      const known = earlierVote(votes, vote)
      if (known === undefined || known.candidate === vote.candidate) continue
      const message = `${vote.voter} voted for ${known.candidate} and for ${vote.candidate} in term ${vote.term}`
      return { invariant: 'one-vote-a-term', message }
    }
    return null
  }

  #unfit({ leaders, committed }: History, { raft }: Process, term: number): Claim | null {
    count(this.#checked, 'election-safety')
    const earlier = leaders[term]
    if (earlier !== undefined && earlier !== null) {
      return {
        invariant: 'election-safety',
        message: `term ${term} was led by ${earlier}, and now by ${raft.self}`,
      }
    }
    for (const { entry, in: committedIn } of committed) {
      if (committedIn >= term) continue
      const broken = this.#incomplete(raft.log.entries, raft.self, term, entry)
      if (broken !== null) return broken
    }
    return null
  }

  #incomplete(
    log: readonly Entry<string>[],
    leader: string,
    term: number,
    entry: Entry<string>,
  ): Claim | null {
    count(this.#checked, 'leader-completeness')
    if (same(log[entry.index - 1], entry)) return null
    const message = `${leader} leads term ${term} without the committed entry ${entry.index} of term ${entry.term}`
    return { invariant: 'leader-completeness', message }
  }

  #unsafe(
    history: History,
    process: Process,
    processes: readonly Process[],
    committed: readonly Entry<string>[],
  ): Claim | null {
    for (const entry of committed) {
      const broken = this.#unsafeEntry(history, process, processes, entry)
      if (broken !== null) return broken
    }
    return null
  }

  #unsafeEntry(
    history: History,
    { raft }: Process,
    processes: readonly Process[],
    entry: Entry<string>,
  ): Claim | null {
    count(this.#checked, 'state-machine-safety')
    const first = history.committed[entry.index - 1]?.entry
    if (first !== undefined) {
      if (same(first, entry)) return null
      const message = `entry ${entry.index} was applied as ${first.data} of term ${first.term}, ${raft.self} applies ${entry.data} of term ${entry.term}`
      return { invariant: 'state-machine-safety', message }
    }
    count(this.#checked, 'committed-on-majority')
    const copies = processes.filter(({ disk }) => same(disk.entries[entry.index - 1], entry)).length
    if (copies < this.#majority) {
      const message = `entry ${entry.index} of term ${entry.term} is committed with ${copies} copies on disk`
      return { invariant: 'committed-on-majority', message }
    }
    for (const { raft: other } of processes) {
      if (other.role.name !== 'leader' || other.term <= raft.term) continue
      const broken = this.#incomplete(other.log.entries, other.self, other.term, entry)
      if (broken !== null) return broken
    }
    return null
  }

  /** Same index and term: same entry, and the same entries before it (Raft §5.3). */
  #logMismatch({ raft }: Process, processes: readonly Process[]): Claim | null {
    for (const { raft: other } of processes) {
      if (other === raft) continue
      count(this.#checked, 'log-matching')
      const [left, right] = [raft.log.entries, other.log.entries]
      let agrees = true
      for (let place = 0; place < Math.min(left.length, right.length); place++) {
        const [one, two] = [left[place], right[place]]
        if (one === undefined || two === undefined) break
        if (one.term === two.term && (!agrees || one.data !== two.data)) {
          const message = `${raft.self} and ${other.self} both have an entry ${one.index} of term ${one.term}, and differ there or before`
          return { invariant: 'log-matching', message }
        }
        agrees &&= one.term === two.term
      }
    }
    return null
  }
}

function earlierVote(votes: readonly Vote[], { voter, term }: Vote): Vote | undefined {
  return votes.find((known) => known.voter === voter && known.term === term)
}

function grown(history: History, { raft }: Process, { leads, votes, committed }: Facts): History {
  const fresh = votes.filter((vote) => earlierVote(history.votes, vote) === undefined)
  const leaders = [...history.leaders]
  if (leads !== null) {
    while (leaders.length <= leads) leaders.push(null)
    leaders[leads] = raft.self
  }
  const first = committed.filter(({ index }) => index > history.committed.length)
  return {
    votes: [...history.votes, ...fresh].toSorted(byVoter),
    leaders,
    committed: [...history.committed, ...first.map((entry) => ({ entry, in: raft.term }))],
  }
}
