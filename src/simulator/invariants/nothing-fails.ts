import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'

export const nothingFails: Invariant = {
  name: 'nothing-fails',
  claim:
    'No step of the protocol throws, no call that never rejects rejects, no rejection goes unhandled (S15).',
  types: ['started', 'failed', 'unhandled-rejection'],
  check: () => new NothingFails(),
}

class NothingFails implements Checker {
  /** Each run of a process is a test of it. */
  evaluations = 0

  observe(event: HistoryEvent): void {
    if (event.type === 'started') this.evaluations += 1
    if (event.type !== 'failed' && event.type !== 'unhandled-rejection') return
    const { process, run, at, error } = event
    ensure(false, () => {
      const what = event.type === 'failed' ? `failed during ${event.during}` : 'did not handle a rejection'
      return `${process} (run ${run}) ${what} at ${at}: ${describe(error)}`
    })
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
