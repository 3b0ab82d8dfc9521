/**
 * One vote a term, whatever restarts (S8, Raft §5.2). A vote is cast when it is told, or durable; one that was on its
 * way to the disk when the process died, told to nobody, may be forgotten.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'

export const oneVotePerTerm: Invariant = {
  name: 'one-vote-per-term',
  claim: 'A voter votes for at most one candidate in a term, also across restarts (S8, Raft §5.2).',
  types: ['sent', 'appended', 'durable', 'recovered'],
  messages: ['vote', 'vote-reply'],
  check: () => new OneVotePerTerm(),
}

interface Ballots {
  /** By term. */
  readonly cast: Map<number, string>
  /** On their way to the disk, oldest first. */
  pending: { readonly batch: number; readonly term: number; readonly candidate: string }[]
}

class OneVotePerTerm implements Checker {
  evaluations = 0
  readonly #voters = new Map<string, Ballots>()

  observe(event: HistoryEvent): void {
    switch (event.type) {
      case 'sent':
        return this.#told(event)
      case 'appended':
        for (const record of event.records) {
          if (record.type !== 'hard-state' || record.votedFor === null) continue
          const { term, votedFor: candidate } = record
          const { pending } = this.#of(event.process)
          const other = pending.find((one) => one.term === term && one.candidate !== candidate)
          this.#compare(event, term, candidate, other?.candidate)
          pending.push({ batch: event.batch, term, candidate })
        }
        return
      case 'durable': {
        const ballots = this.#of(event.process)
        for (const { batch, term, candidate } of ballots.pending) {
          if (batch <= event.batch) this.#cast(event, term, candidate)
        }
        ballots.pending = ballots.pending.filter(({ batch }) => batch > event.batch)
        return
      }
      case 'recovered':
        this.#of(event.process).pending = []
        for (const record of event.records) {
          if (record.type !== 'hard-state' || record.votedFor === null) continue
          this.#cast(event, record.term, record.votedFor)
        }
        return
      default:
    }
  }

  #told(event: Extract<HistoryEvent, { type: 'sent' }>): void {
    if (event.message.kind !== 'raft') return
    const { message } = event.message
    if (message.type === 'vote') this.#cast(event, message.term, event.process)
    if (message.type === 'vote-reply' && message.granted) this.#cast(event, message.term, event.to)
  }

  #cast(event: HistoryEvent, term: number, candidate: string): void {
    this.#compare(event, term, candidate, undefined)
    this.#of(event.process).cast.set(term, candidate)
  }

  #compare(
    { process, run, at }: HistoryEvent,
    term: number,
    candidate: string,
    pending: string | undefined,
  ): void {
    this.evaluations += 1
    const other = this.#of(process).cast.get(term) ?? pending
    ensure(other === undefined || other === candidate, () => {
      return `${process} (run ${run}) votes in term ${term} for ${candidate} at ${at}, and voted for ${other} before`
    })
  }

  #of(process: string): Ballots {
    let ballots = this.#voters.get(process)
    if (ballots === undefined) this.#voters.set(process, (ballots = { cast: new Map(), pending: [] }))
    return ballots
  }
}
