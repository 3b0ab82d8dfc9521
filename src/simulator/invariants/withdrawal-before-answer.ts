import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { diskEvents, disksOf, type Disks } from './models/disks.ts'

export const withdrawalBeforeAnswer: Invariant = {
  name: 'withdrawal-before-answer',
  claim: 'A withdrawal is durable before it is answered, to the arbiter or to the holder (A4).',
  types: [...diskEvents, 'sent'],
  messages: ['withdraw-answer', 'keepalive-refusal'],
  check: (context) => new WithdrawalBeforeAnswer(context),
}

class WithdrawalBeforeAnswer implements Checker {
  evaluations = 0
  readonly #disks: Disks

  constructor(context: CheckContext) {
    this.#disks = disksOf(context)
  }

  observe(event: HistoryEvent): void {
    this.#disks.observe(event)
    if (event.type !== 'sent' || event.message.kind !== 'support') return
    const { message } = event.message
    const isRefusal = message.type === 'keepalive-refusal' && message.reason === 'withdrawn'
    if (message.type !== 'withdraw-answer' && !isRefusal) return
    this.evaluations += 1
    const { session, epoch } = message
    const { withdrawals } = this.#disks.of(event.process).durable
    const epochs = withdrawals.get(session) ?? []
    // A refusal says that this epoch or a later one was withdrawn.
    const isDurable = epochs.some((withdrawn) => (isRefusal ? withdrawn >= epoch : withdrawn === epoch))
    ensure(isDurable, () => {
      const what = `${message.type} for ${session} in epoch ${epoch} to ${event.to} at ${event.at}`
      return `${event.process} (run ${event.run}) sends ${what}; its disk has withdrawn ${epochs.join(', ') || 'nothing'}`
    })
  }
}
