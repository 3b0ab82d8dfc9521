import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { isMajority } from './models/majority.ts'

export const preVoteFirst: Invariant = {
  name: 'pre-vote-first',
  claim:
    'Nobody raises the term to stand unless a majority said that it would vote for it, or the leader asked (Dissertation §9.6, §3.10).',
  types: ['sent', 'received'],
  messages: ['vote', 'pre-vote-reply', 'timeout-now'],
  check: (context) => new PreVoteFirst(context),
}

/** Of one run of a peer. */
interface Candidate {
  readonly run: number
  /** By term, who would vote for it. A request may wait for a slow disk while it is encouraged to stand in newer terms. */
  readonly encouraged: Map<number, Set<string>>
  /** Terms whose leader asked it to take over. */
  readonly handedOver: Set<number>
}

/** Nobody remembers more of them. */
const keptTerms = 64

class PreVoteFirst implements Checker {
  evaluations = 0
  readonly #voters: readonly string[]
  readonly #candidates = new Map<string, Candidate>()

  constructor(context: CheckContext) {
    this.#voters = context.voters
  }

  observe(event: HistoryEvent): void {
    if (event.type !== 'sent' && event.type !== 'received') return
    if (event.message.kind !== 'raft') return
    const { message } = event.message
    if (event.type === 'sent') {
      if (message.type === 'vote') this.#stands(event, message.term, message.transfer)
      return
    }
    const candidate = this.#of(event)
    if (message.type === 'timeout-now') candidate.handedOver.add(message.term)
    if (message.type !== 'pre-vote-reply' || !message.granted) return
    const voters = candidate.encouraged.get(message.term)
    if (voters !== undefined) {
      voters.add(event.from)
      return
    }
    candidate.encouraged.set(message.term, new Set([event.from]))
    for (const term of candidate.encouraged.keys()) {
      if (candidate.encouraged.size > keptTerms) candidate.encouraged.delete(term)
    }
  }

  #stands(event: Extract<HistoryEvent, { type: 'sent' }>, term: number, transfer: boolean): void {
    this.evaluations += 1
    const { encouraged, handedOver } = this.#of(event)
    const who = `${event.process} (run ${event.run}) asks for votes in term ${term} at ${event.at}`
    if (transfer) {
      ensure(handedOver.has(term - 1), () => `${who} as if the leader of the term before had asked it to`)
      return
    }
    const behind = [...(encouraged.get(term) ?? [])]
    ensure(isMajority(behind.length + 1, this.#voters.length), () => {
      return `${who}; of ${this.#voters.length} voters only ${[event.process, ...behind].join(', ')} would vote for it`
    })
  }

  #of({ process, run }: HistoryEvent): Candidate {
    let candidate = this.#candidates.get(process)
    if (candidate === undefined || candidate.run !== run) {
      candidate = { run, encouraged: new Map(), handedOver: new Set() }
      this.#candidates.set(process, candidate)
    }
    return candidate
  }
}
