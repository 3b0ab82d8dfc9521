/**
 * A voter withdraws only from a session that was silent for its lease (A4). It counts lease(1 + rho) + tick by a clock
 * that runs at most 1 + rho fast, so in true time at least the lease has passed: since it heard the session last, and
 * since it started. A superseded session is meant to run out, so what it says does not count.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { commitEvents } from './models/committed-log.ts'
import { hearingEvents, hearingMessages, hearingOf, type Hearing } from './models/hearing.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'

export const withdrawalAfterSilence: Invariant = {
  name: 'withdrawal-after-silence',
  claim: 'A voter withdraws only from a session that it did not hear for a whole lease of its own life (A4).',
  types: [...commitEvents, ...hearingEvents, 'started'],
  messages: hearingMessages,
  check: (context) => new WithdrawalAfterSilence(context),
}

class WithdrawalAfterSilence implements Checker {
  evaluations = 0
  readonly #ledger: Ledger
  readonly #hearing: Hearing
  readonly #startedAt = new Map<string, number>()

  constructor(context: CheckContext) {
    this.#ledger = ledgerOf(context)
    this.#hearing = hearingOf(context)
  }

  observe(event: HistoryEvent): void {
    if (event.type === 'sent' || event.type === 'received') return this.#hearing.observe(event)
    this.#ledger.observe(event)
    if (event.type === 'started') this.#startedAt.set(event.process, event.at)
    if (event.type !== 'appended') return
    for (const record of event.records) {
      if (record.type === 'withdrawal') this.#withdrawn(event, record.session, record.epoch)
    }
  }

  #withdrawn({ process, run, at }: HistoryEvent, key: string, epoch: number): void {
    this.evaluations += 1
    const about = `${process} (run ${run}) withdraws from ${key} in epoch ${epoch} at ${at}`
    const session = this.#ledger.known.get(key)
    ensure(session !== undefined, () => `${about}; no entry opened that session`)
    const startedAt = this.#startedAt.get(process) ?? 0
    ensure(at - startedAt >= session.leaseMs, () => {
      return `${about}, and runs only since ${startedAt}; the lease is ${session.leaseMs} ms`
    })
    const heardAt = this.#hearing.heardAt(key, process) ?? Number.NEGATIVE_INFINITY
    ensure(session.superseded || at - heardAt >= session.leaseMs, () => {
      return `${about}, and heard it at ${heardAt}; the lease is ${session.leaseMs} ms`
    })
  }
}
