import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { diskEvents, disksOf, type Disks } from './models/disks.ts'
import { isMajority } from './models/majority.ts'

export const electedByMajority: Invariant = {
  name: 'elected-by-majority',
  claim: 'Who leads a term has the votes of a majority for it, durable, its own included (S7, Raft §5.2).',
  types: [...diskEvents, 'led'],
  check: (context) => new ElectedByMajority(context),
}

class ElectedByMajority implements Checker {
  evaluations = 0
  readonly #voters: readonly string[]
  readonly #disks: Disks
  /** By term, who voted for whom. */
  readonly #votes = new Map<number, Map<string, string>>()

  constructor(context: CheckContext) {
    this.#voters = context.voters
    this.#disks = disksOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#disks.observe(event)
    if (event.type === 'durable') {
      for (const record of this.#disks.fresh) {
        if (record.type === 'hard-state') this.#voted(event.process, record.term, record.votedFor)
      }
    }
    if (event.type === 'recovered') {
      // What was on its way at the crash may have arrived.
      const { term, votedFor } = this.#disks.of(event.process).durable
      this.#voted(event.process, term, votedFor)
    }
    if (event.type === 'led') this.#led(event)
  }

  #voted(voter: string, term: number, candidate: string | null): void {
    if (candidate === null) return
    const votes = this.#votes.get(term)
    if (votes === undefined) this.#votes.set(term, new Map([[voter, candidate]]))
    else votes.set(voter, candidate)
  }

  #led({ process, term, at }: Extract<HistoryEvent, { type: 'led' }>): void {
    this.evaluations += 1
    const votes = this.#votes.get(term)
    const behind = this.#voters.filter((voter) => votes?.get(voter) === process)
    ensure(isMajority(behind.length, this.#voters.length), () => {
      const who = behind.length === 0 ? 'no votes' : `the votes of ${behind.join(', ')}`
      return `${process} leads term ${term} at ${at} with ${who}, of ${this.#voters.length} voters`
    })
  }
}
