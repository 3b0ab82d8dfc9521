import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { committedLogOf, commitEvents, type CommittedLog } from './models/committed-log.ts'
import { disksOf, type Disks } from './models/disks.ts'
import { isMajority } from './models/majority.ts'

export const committedIsDurable: Invariant = {
  name: 'committed-is-durable',
  claim: 'What anybody knows to be committed was durable on the disks of a majority before (Raft §5.3).',
  types: commitEvents,
  check: (context) => new CommittedIsDurable(context),
}

class CommittedIsDurable implements Checker {
  evaluations = 0
  readonly #voters: readonly string[]
  readonly #disks: Disks
  readonly #log: CommittedLog
  /** At i - 1 of entry i: by term, on whose disks it was. */
  readonly #holders: Map<number, Set<string>>[] = []
  #proven = 0

  constructor(context: CheckContext) {
    this.#voters = context.voters
    this.#disks = disksOf(context)
    this.#log = committedLogOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#log.observe(event)
    if (event.type === 'durable') {
      for (const record of this.#disks.fresh) {
        if (record.type !== 'entries') continue
        for (const { index, term } of record.entries) this.#has(event.process, index, term)
      }
    }
    if (event.type === 'recovered') {
      const { terms } = this.#disks.of(event.process).durable
      for (const [place, term] of terms.entries()) this.#has(event.process, place + 1, term)
    }
    if (event.type === 'committed') {
      for (const { index, term } of this.#log.fresh) this.#committed(event, index, term)
    }
  }

  #has(voter: string, index: number, term: number): void {
    if (index <= this.#proven) return
    const terms = (this.#holders[index - 1] ??= new Map<number, Set<string>>())
    const holders = terms.get(term)
    if (holders === undefined) terms.set(term, new Set([voter]))
    else holders.add(voter)
  }

  #committed({ process, at }: HistoryEvent, index: number, term: number): void {
    this.evaluations += 1
    const holders = [...(this.#holders[index - 1]?.get(term) ?? [])].filter((id) => this.#voters.includes(id))
    ensure(isMajority(holders.length, this.#voters.length), () => {
      const where = holders.length === 0 ? 'nowhere' : `on ${holders.join(', ')}`
      return `${process} takes entry ${index} of term ${term} for committed at ${at}; it was ${where}, of ${this.#voters.length} voters`
    })
    // What is committed needs no proof again.
    this.#proven = index
    this.#holders[index - 1]?.clear()
  }
}
