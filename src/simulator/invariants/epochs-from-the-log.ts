import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { commitEvents } from './models/committed-log.ts'
import { ledgerOf, type Ledger } from './models/ledger.ts'

export const epochsFromTheLog: Invariant = {
  name: 'epochs-from-the-log',
  claim:
    'A session is kept alive only in epochs that the log opened it with, which are never used again (A1).',
  types: [...commitEvents, 'sent'],
  messages: ['keepalive'],
  check: (context) => new EpochsFromTheLog(context),
}

class EpochsFromTheLog implements Checker {
  evaluations = 0
  readonly #ledger: Ledger
  /** By session, the epoch that was looked up last. */
  readonly #known = new Map<string, number>()

  constructor(context: CheckContext) {
    this.#ledger = ledgerOf(context)
  }

  observe(event: HistoryEvent): void {
    if (event.type !== 'sent') return this.#ledger.observe(event)
    if (event.message.kind !== 'support') return
    const { message } = event.message
    if (message.type !== 'keepalive') return
    const { session, epoch } = message
    if (this.#known.get(session) === epoch) return
    this.#known.set(session, epoch)
    this.evaluations += 1
    ensure(this.#ledger.wasOpened(session, epoch), () => {
      return `${event.process} relays a keepalive of ${session} in epoch ${epoch} at ${event.at}; no entry opened that`
    })
  }
}
