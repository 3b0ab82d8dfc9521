import type { HistoryEvent, ProcessRun } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'

export const electionSafety: Invariant = {
  name: 'election-safety',
  claim: 'No term ever has two leaders, one process before and after a restart included (Raft §5.2).',
  types: ['led'],
  check: () => new ElectionSafety(),
}

class ElectionSafety implements Checker {
  evaluations = 0
  readonly #leaders = new Map<number, ProcessRun & { readonly at: number }>()

  observe(event: HistoryEvent): void {
    if (event.type !== 'led') return
    this.evaluations += 1
    const { term, process, run, at } = event
    const other = this.#leaders.get(term)
    ensure(other === undefined, () => {
      const first = `${other?.process} (run ${other?.run}) since ${other?.at}`
      return `term ${term} is led by ${first} and by ${process} (run ${run}) since ${at}`
    })
    this.#leaders.set(term, { process, run, at })
  }
}
