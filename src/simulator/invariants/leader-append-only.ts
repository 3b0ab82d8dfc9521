import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { diskEvents, disksOf, type Disks } from './models/disks.ts'

export const leaderAppendOnly: Invariant = {
  name: 'leader-append-only',
  claim: 'As long as its term lasts, who leads it adds to its log, and overwrites nothing (Raft §5.3).',
  types: [...diskEvents, 'led'],
  check: (context) => new LeaderAppendOnly(context),
}

class LeaderAppendOnly implements Checker {
  evaluations = 0
  readonly #disks: Disks
  /** The term that each process led last in its present run, and how long its log has grown since. */
  readonly #led = new Map<string, { readonly term: number; length: number }>()

  constructor(context: CheckContext) {
    this.#disks = disksOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#disks.observe(event)
    const { process } = event
    if (event.type === 'recovered') this.#led.delete(process)
    if (event.type === 'led') {
      this.#led.set(process, { term: event.term, length: this.#disks.of(process).written.terms.length })
    }
    if (event.type !== 'appended') return
    const leader = this.#led.get(process)
    if (leader === undefined) return
    for (const record of event.records) {
      if (record.type === 'hard-state' && record.term > leader.term) {
        this.#led.delete(process)
        return
      }
      const first = record.type === 'entries' ? record.entries[0]?.index : undefined
      if (record.type !== 'entries' || first === undefined) continue
      this.evaluations += 1
      ensure(first === leader.length + 1, () => {
        return `${process} leads term ${leader.term} and writes entry ${first} at ${event.at}; its log ends at ${leader.length}`
      })
      leader.length = first + record.entries.length - 1
    }
  }
}
