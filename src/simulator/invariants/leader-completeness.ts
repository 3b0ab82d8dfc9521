import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { committedLogOf, commitEvents, type CommittedLog } from './models/committed-log.ts'
import { disksOf, type Disks } from './models/disks.ts'

export const leaderCompleteness: Invariant = {
  name: 'leader-completeness',
  claim: 'An entry committed in one term is in the log of every leader of a later term (Raft §5.4).',
  types: [...commitEvents, 'led'],
  check: (context) => new LeaderCompleteness(context),
}

class LeaderCompleteness implements Checker {
  evaluations = 0
  readonly #disks: Disks
  readonly #log: CommittedLog
  /** Up to where the log of each process is known to be the committed one: looked at once, until it is overwritten. */
  readonly #matching = new Map<string, number>()

  constructor(context: CheckContext) {
    this.#disks = disksOf(context)
    this.#log = committedLogOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#log.observe(event)
    const { process } = event
    if (event.type === 'recovered') this.#matching.delete(process)
    if (event.type === 'appended') {
      for (const record of event.records) {
        const first = record.type === 'entries' ? record.entries[0]?.index : undefined
        const matching = this.#matching.get(process) ?? 0
        if (first !== undefined && first <= matching) this.#matching.set(process, first - 1)
      }
    }
    if (event.type === 'led') this.#led(event)
  }

  #led({ process, term, at }: Extract<HistoryEvent, { type: 'led' }>): void {
    const { terms } = this.#disks.of(process).written
    const { entries, committedIn } = this.#log
    if (entries.length > 0) this.evaluations += 1
    let matching = this.#matching.get(process) ?? 0
    for (; matching < entries.length; matching++) {
      // A leader of an older term may still be elected, and can commit nothing; the promise is about later terms.
      if ((committedIn[matching] ?? 0) >= term) break
      const committed = entries[matching]?.term
      ensure(terms[matching] === committed, () => {
        const own = terms[matching] === undefined ? 'none' : `one of term ${terms[matching]}`
        const entry = `entry ${matching + 1} of term ${committed}, committed in term ${committedIn[matching]}`
        return `${process} leads term ${term} at ${at} without ${entry}; it has ${own} there`
      })
    }
    this.#matching.set(process, matching)
  }
}
