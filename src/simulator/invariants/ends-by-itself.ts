/**
 * The end of a leadership asks for nobody: once `isValid()` would say no, it says so for ever, and the signal aborts soon,
 * whether the application looks or not. Seen from outside, without asking: what a process does shows
 * that it runs.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant, type LiveLeadership } from './invariant.ts'

export const endsByItself: Invariant = {
  name: 'ends-by-itself',
  claim:
    'A leadership whose deadline has passed aborts its signal without being asked, and is never valid again (S11, DESIGN §2).',
  types: ['aborted', 'lost', 'fault', 'checked', 'appended', 'durable', 'committed', 'received', 'answers'],
  // What could revive it.
  messages: ['keepalive-ack'],
  check: (context) => new EndsByItself(context),
}

/** Late timers, beside what a clock does not show and the quarter of a lease that a machine which slept may go on. */
const graceMs = 25

const jumps: ReadonlySet<string> = new Set(['clock step', 'suspend'])

interface Ending {
  aborted: boolean
  /** Its clocks jumped by about as much as is tolerated: whether too much depends on how they are rounded when one looks. */
  isDoubtful: boolean
  /** Since when its process runs and it is seen not to be valid. */
  overSince: number | null
}

class EndsByItself implements Checker {
  evaluations = 0
  readonly #context: CheckContext
  readonly #graceMs: number
  readonly #endings = new Map<number, Ending>()

  constructor(context: CheckContext) {
    this.#context = context
    const { tickMs, leaseMs } = context.timing
    this.#graceMs = graceMs + 2 * tickMs + leaseMs / 4
  }

  observe(event: HistoryEvent): void {
    if (event.type === 'aborted') {
      const ending = this.#of(event.attempt)
      if (ending.overSince !== null) this.evaluations += 1
      ending.aborted = true
    }
    if (event.type === 'lost') this.#endings.delete(event.attempt)
    for (const leadership of this.#context.leaderships()) {
      if (leadership.process === event.process) this.#look(event, leadership)
    }
  }

  #look(event: HistoryEvent, leadership: LiveLeadership): void {
    const { at } = event
    const ending = this.#of(leadership.attempt)
    // It may stand still now, or its clocks have been set: all that counts begins anew.
    if (event.type === 'fault') {
      ending.overSince = null
      ending.isDoubtful ||= jumps.has(event.fault)
    }
    if (event.type === 'fault' || ending.aborted) return
    const { overSince, isDoubtful } = ending
    if (leadership.isValid()) {
      if (isDoubtful) ending.overSince = null
      ensure(
        overSince === null || isDoubtful,
        () => `${whoIs(leadership)} is valid again at ${at}; it was over at ${overSince}`,
      )
      return
    }
    if (overSince === null) {
      ending.overSince = at
      return
    }
    ensure(at - overSince <= this.#graceMs, () => {
      return `${whoIs(leadership)} is over since ${overSince}, and at ${at} its signal has not aborted`
    })
  }

  #of(attempt: number): Ending {
    let ending = this.#endings.get(attempt)
    if (ending === undefined)
      this.#endings.set(attempt, (ending = { aborted: false, isDoubtful: false, overSince: null }))
    return ending
  }
}

function whoIs({ process, candidate, attempt, election, token }: LiveLeadership): string {
  return `${process} as ${candidate} (attempt ${attempt}) in '${election}' with ${token}`
}
