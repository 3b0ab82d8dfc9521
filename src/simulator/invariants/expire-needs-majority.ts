import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { diskEvents } from './models/disks.ts'
import { withdrawalsOf, type Withdrawals } from './models/withdrawals.ts'

export const expireNeedsMajority: Invariant = {
  name: 'expire-needs-majority',
  claim: 'An expiry is proposed only when a majority of the voters has durably withdrawn that epoch (A5).',
  types: diskEvents,
  check: (context) => new ExpireNeedsMajority(context),
}

class ExpireNeedsMajority implements Checker {
  evaluations = 0
  readonly #voters: readonly string[]
  readonly #withdrawals: Withdrawals
  readonly #proven = new Set<string>()

  constructor(context: CheckContext) {
    this.#voters = context.voters
    this.#withdrawals = withdrawalsOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#withdrawals.observe(event)
    if (event.type !== 'appended') return
    for (const record of event.records) {
      if (record.type !== 'entries') continue
      for (const { index, data } of record.entries) {
        if (data?.type === 'expire') this.#expired(event, index, data.session, data.epoch)
      }
    }
  }

  #expired({ process, at }: HistoryEvent, index: number, session: string, epoch: number): void {
    const key = `${session} ${epoch}`
    if (this.#proven.has(key)) return
    this.evaluations += 1
    ensure(this.#withdrawals.hasMajority(session, epoch), () => {
      const by = [...this.#withdrawals.by(session, epoch)].join(', ') || 'nobody'
      const what = `entry ${index}, the expiry of ${session} in epoch ${epoch}, at ${at}`
      return `${process} writes ${what}; of ${this.#voters.length} voters ${by} withdrew`
    })
    this.#proven.add(key)
  }
}
