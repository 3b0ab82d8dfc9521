/**
 * Log Matching (Raft §5.3), by induction: an entry is told by its index and term, in every log that ever held it, and
 * so is the term of the entry before it. What a start reads back from its disk is held against it as well (S16).
 */
import type { LogRecord } from '../../cluster/messages.ts'
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { disksOf, diskEvents, type Disks } from './models/disks.ts'
import { same, show } from './models/same.ts'

export const logMatching: Invariant = {
  name: 'log-matching',
  claim:
    'Two entries with the same index and term say the same and follow the same entry, in all logs ever written or ' +
    'read back (Raft §5.3, S16).',
  types: diskEvents,
  check: (context) => new LogMatching(context),
}

type LogEntry = Extract<LogRecord, { type: 'entries' }>['entries'][number]

interface Known {
  readonly entry: LogEntry
  readonly previousTerm: number
  readonly writer: string
}

class LogMatching implements Checker {
  evaluations = 0
  readonly #disks: Disks
  /** All that were ever written at index i, at i - 1: one for each term. */
  readonly #known: Known[][] = []

  constructor(context: CheckContext) {
    this.#disks = disksOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#disks.observe(event)
    if (event.type === 'appended') {
      const { terms } = this.#disks.of(event.process).written
      for (const record of event.records) {
        if (record.type === 'entries') this.#compare(event, record.entries, terms)
      }
    }
    if (event.type === 'recovered') {
      const terms: number[] = []
      for (const record of event.records) {
        if (record.type !== 'entries') continue
        const first = record.entries[0]?.index ?? terms.length + 1
        terms.length = Math.min(terms.length, first - 1)
        for (const { term } of record.entries) terms.push(term)
        this.#compare(event, record.entries, terms)
      }
    }
  }

  #compare({ process, run, at }: HistoryEvent, entries: readonly LogEntry[], terms: readonly number[]): void {
    let before = terms[(entries[0]?.index ?? 1) - 2] ?? 0
    for (const entry of entries) {
      const previousTerm = before
      before = entry.term
      const known = this.#knownAs(entry)
      if (known === undefined) {
        this.#learn({ entry, previousTerm, writer: `${process} (run ${run})` })
        continue
      }
      this.evaluations += 1
      const name = `entry ${entry.index} of term ${entry.term}`
      ensure(known.entry === entry || same(known.entry.data, entry.data), () => {
        const [ours, theirs] = [show(known.entry.data), show(entry.data)]
        return `${name} is ${ours} at ${known.writer}, and ${theirs} at ${process} (run ${run}), at ${at}`
      })
      ensure(known.previousTerm === previousTerm, () => {
        const ours = `one of term ${known.previousTerm} at ${known.writer}`
        return `${name} follows ${ours}, and one of term ${previousTerm} at ${process} (run ${run}), at ${at}`
      })
    }
  }

  #knownAs({ index, term }: LogEntry): Known | undefined {
    return this.#known[index - 1]?.find(({ entry }) => entry.term === term)
  }

  #learn(known: Known): void {
    const place = known.entry.index - 1
    const here = this.#known[place]
    if (here === undefined) this.#known[place] = [known]
    else here.push(known)
  }
}
