/**
 * Every promise settles (L9): what was called of a process that is whole, and what was cancelled there, is answered. How
 * long it may take is bounded by the lease, as the backend contract says, and by what an election of the core may take.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { healthEvents, healthOf, type Health } from './models/health.ts'

export const everythingSettles: Invariant = {
  name: 'everything-settles',
  claim:
    'A resignation, transfer, proclamation, close or cancellation in a process of the core is answered (L9).',
  types: [
    ...healthEvents,
    'cancel',
    'elected',
    'not-elected',
    'lost',
    'resign',
    'resigned',
    'transfer',
    'transferred',
    'proclaim',
    'proclaimed',
    'close',
    'closed',
    'close-election',
    'election-closed',
    'ended',
  ],
  check: (context) => new EverythingSettles(context),
}

interface Call {
  readonly what: string
  readonly process: string
  readonly run: number
  readonly at: number
}

class EverythingSettles implements Checker {
  evaluations = 0
  readonly #patienceMs: number
  readonly #health: Health
  /** One that is called twice is as good as settled by the answer to the first, which both get. */
  readonly #open = new Map<string, Call>()

  constructor(context: CheckContext) {
    const { leaseMs, electionTimeoutMs } = context.timing
    this.#patienceMs = 2 * leaseMs + 10 * electionTimeoutMs[1]
    this.#health = healthOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#health.observe(event)
    switch (event.type) {
      case 'cancel':
      case 'resign':
      case 'transfer':
      case 'proclaim':
        return this.#called(event, `${event.type} of attempt ${event.attempt}`)
      case 'close':
        return this.#called(event, `close of ${event.candidate} in run ${event.run} of ${event.process}`)
      case 'close-election':
        return this.#called(event, `close of election ${event.election}`)
      case 'election-closed':
        return this.#settled(`close of election ${event.election}`)
      case 'elected':
      case 'not-elected':
        return this.#settled(`cancel of attempt ${event.attempt}`)
      case 'resigned':
        return this.#settled(`resign of attempt ${event.attempt}`)
      case 'transferred':
        return this.#settled(`transfer of attempt ${event.attempt}`)
      case 'proclaimed':
        return this.#settled(`proclaim of attempt ${event.attempt}`)
      case 'closed':
        return this.#settled(`close of ${event.candidate} in run ${event.run} of ${event.process}`)
      case 'crashed':
      case 'stopped':
        for (const [key, { process }] of this.#open) if (process === event.process) this.#open.delete(key)
        return
      case 'ended':
        for (const call of this.#open.values()) this.#judge(call, event.at)
        return
      default:
    }
  }

  #called({ process, run, at }: HistoryEvent, what: string): void {
    if (!this.#open.has(what)) this.#open.set(what, { what, process, run, at })
  }

  #settled(what: string): void {
    if (this.#open.delete(what)) this.evaluations += 1
  }

  #judge({ what, process, run, at: calledAt }: Call, at: number): void {
    const { since } = this.#health
    if (since === null || !this.#health.isLedFromWithin || !this.#health.isWell(process, run)) return
    const from = Math.max(since, calledAt)
    ensure(at - from <= this.#patienceMs, () => {
      return `${process} (run ${run}): the ${what}, called at ${calledAt}, is not answered at ${at}; whole since ${since}`
    })
  }
}
