/**
 * When the log frees an election, whoever held it has stopped (S9, S12). Who gives it up by itself, by release or
 * transfer, was told of its loss before; whose session ended is no longer valid, told or not. Only a suspicion may come
 * too early, and only in token mode.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { commitEvents } from './models/committed-log.ts'
import { ledgerOf, type Ledger, type LedgerEffect } from './models/ledger.ts'

export const freedAfterLoss: Invariant = {
  name: 'freed-after-loss',
  claim:
    'A leadership that is resigned or handed over is lost before the election is free for the next (S9, S12).',
  types: commitEvents,
  check: (context) => new FreedAfterLoss(context),
}

class FreedAfterLoss implements Checker {
  evaluations = 0
  readonly #context: CheckContext
  readonly #ledger: Ledger

  constructor(context: CheckContext) {
    this.#context = context
    this.#ledger = ledgerOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#ledger.observe(event)
    for (const effect of this.#ledger.fresh) if (effect.type === 'freed') this.#freed(event, effect)
  }

  #freed({ at }: HistoryEvent, { grant, reason }: Extract<LedgerEffect, { type: 'freed' }>): void {
    if (reason === 'suspected') return
    this.evaluations += 1
    const byItself = reason === 'released' || reason === 'transferred'
    for (const leadership of this.#context.leaderships()) {
      if (leadership.election !== grant.election || leadership.token !== grant.token) continue
      const { process, candidate, token, election } = leadership
      const about = `'${election}' is ${reason} at ${at}, and ${process} as ${candidate} with ${token}`
      ensure(!leadership.isValid(), () => `${about} is valid`)
      ensure(!byItself, () => `${about} was not told of its loss`)
    }
  }
}
