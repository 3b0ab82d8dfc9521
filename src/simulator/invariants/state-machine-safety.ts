import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { committedLogOf, commitEvents, type CommittedLog } from './models/committed-log.ts'
import { same, show } from './models/same.ts'

export const stateMachineSafety: Invariant = {
  name: 'state-machine-safety',
  claim:
    'All peers learn the same entry for an index, each run from the first entry on, in order, each once (Raft §5.4.3).',
  types: [...commitEvents, 'started'],
  check: (context) => new StateMachineSafety(context),
}

class StateMachineSafety implements Checker {
  evaluations = 0
  readonly #log: CommittedLog
  /** Of the present run of each process. */
  readonly #applied = new Map<string, number>()

  constructor(context: CheckContext) {
    this.#log = committedLogOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#log.observe(event)
    const { process, run, at } = event
    if (event.type === 'started') this.#applied.delete(process)
    if (event.type !== 'committed') return
    let applied = this.#applied.get(process) ?? 0
    for (const entry of event.entries) {
      this.evaluations += 1
      ensure(entry.index === applied + 1, () => {
        return `${process} (run ${run}) learns entry ${entry.index} at ${at}, after ${applied}`
      })
      applied = entry.index
      const first = this.#log.entries[entry.index - 1]
      ensure(first === entry || (first?.term === entry.term && same(first.data, entry.data)), () => {
        const known = first === undefined ? 'nothing' : `${show(first.data)} of term ${first.term}`
        const here = `${show(entry.data)} of term ${entry.term}`
        return `entry ${entry.index} was committed as ${known}; ${process} (run ${run}) learns ${here} at ${at}`
      })
    }
    this.#applied.set(process, applied)
  }
}
