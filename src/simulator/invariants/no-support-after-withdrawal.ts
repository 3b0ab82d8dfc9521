/**
 * A voter that withdrew an epoch never acknowledges it again (A2), whatever restarts: from when the record was handed to
 * the disk, and for ever once it was durable or told. One that a crash took before anybody knew may be forgotten.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'

export const noSupportAfterWithdrawal: Invariant = {
  name: 'no-support-after-withdrawal',
  claim: 'No voter acknowledges an epoch that it withdrew, also across restarts (A2).',
  types: ['sent', 'appended', 'durable', 'recovered'],
  messages: ['keepalive-ack', 'withdraw-answer'],
  check: () => new NoSupportAfterWithdrawal(),
}

interface Withdrawn {
  /** By session, the highest epoch withdrawn for ever. */
  readonly forever: Map<string, number>
  pending: { readonly batch: number; readonly session: string; readonly epoch: number }[]
}

class NoSupportAfterWithdrawal implements Checker {
  evaluations = 0
  readonly #voters = new Map<string, Withdrawn>()

  observe(event: HistoryEvent): void {
    switch (event.type) {
      case 'sent':
        if (event.message.kind === 'support') this.#sent(event)
        return
      case 'appended':
        for (const record of event.records) {
          if (record.type !== 'withdrawal') continue
          const { session, epoch } = record
          this.#of(event.process).pending.push({ batch: event.batch, session, epoch })
        }
        return
      case 'durable': {
        const voter = this.#voters.get(event.process)
        if (voter === undefined || voter.pending.length === 0) return
        for (const { batch, session, epoch } of voter.pending) {
          if (batch <= event.batch) note(voter, session, epoch)
        }
        voter.pending = voter.pending.filter(({ batch }) => batch > event.batch)
        return
      }
      case 'recovered': {
        const voter = this.#of(event.process)
        voter.pending = []
        for (const record of event.records) {
          if (record.type === 'withdrawal') note(voter, record.session, record.epoch)
        }
        return
      }
      default:
    }
  }

  #sent(event: Extract<HistoryEvent, { type: 'sent' }>): void {
    if (event.message.kind !== 'support') return
    const { message } = event.message
    if (message.type === 'withdraw-answer') note(this.#of(event.process), message.session, message.epoch)
    if (message.type !== 'keepalive-ack') return
    const { session, epoch, sequence } = message
    const voter = this.#voters.get(event.process)
    if (voter === undefined) return
    const pending = voter.pending.find((one) => one.session === session && one.epoch >= epoch)?.epoch
    const withdrawn = voter.forever.get(session) ?? pending
    if (withdrawn === undefined) return
    this.evaluations += 1
    ensure(epoch > withdrawn, () => {
      const ack = `acknowledges keepalive ${sequence} of ${session} in epoch ${epoch} at ${event.at}`
      return `${event.process} (run ${event.run}) ${ack}, and withdrew epoch ${withdrawn} before`
    })
  }

  #of(voter: string): Withdrawn {
    let withdrawn = this.#voters.get(voter)
    if (withdrawn === undefined) {
      withdrawn = { forever: new Map(), pending: [] }
      this.#voters.set(voter, withdrawn)
    }
    return withdrawn
  }
}

function note({ forever }: Withdrawn, session: string, epoch: number): void {
  if (epoch > (forever.get(session) ?? -1)) forever.set(session, epoch)
}
