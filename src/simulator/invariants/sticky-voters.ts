/**
 * Whoever hears a leader keeps it (Dissertation §4.2.3, §6.2): within the minimum election timeout of hearing one, or of
 * its own start, a voter helps nobody else, and a leader helps nobody while it leads. Judged only where it is certain what
 * the voter knew: from a heartbeat that it answered at once, until anything came that ends its loyalty by right.
 */
import type { RaftMessage } from '../../protocols/raft/types.ts'
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'

export const stickyVoters: Invariant = {
  name: 'sticky-voters',
  claim:
    'Who leads, or heard a leader or began within the minimum election timeout, helps nobody else to lead (Dissertation §4.2.3).',
  types: ['recovered', 'led', 'fault', 'evidence', 'sent', 'received'],
  check: (context) => new StickyVoters(context),
}

interface Voter {
  readonly run: number
  /** Whom it is bound to (null: nobody in particular, for it just began), in which term, since when. */
  bound: {
    readonly to: string | null
    readonly term: number
    readonly since: number
    /** For so long; shorter than configured where the leader said that a shorter silence is suspicious. */
    readonly forMs: number
  } | null
  /** When something came last that may end its loyalty, or that makes its times uncertain. */
  doubtfulAt: number
  beat: Beat | null
  /** Requests for a vote, by candidate and term: whether all came while it was bound. */
  readonly asked: Map<string, boolean>
  /** The newest term that it led, and whom it helped since. */
  led: { readonly term: number; helped: string | null } | null
}

interface Beat {
  readonly from: string
  readonly term: number
  readonly round: number
  readonly at: number
  /** The newest round of this leader, and the silence that it found suspicious then. */
  readonly promise: { readonly round: number; readonly silenceMs: number }
}

type Message = RaftMessage<unknown>
type Sent = Extract<HistoryEvent, { type: 'sent' }>
type Received = Extract<HistoryEvent, { type: 'received' }>

class StickyVoters implements Checker {
  evaluations = 0
  readonly #timing: CheckContext['timing']
  readonly #voters = new Map<string, Voter>()

  constructor({ timing }: CheckContext) {
    this.#timing = timing
  }

  observe(event: HistoryEvent): void {
    switch (event.type) {
      case 'recovered':
        this.#of(event).bound = { to: null, term: -1, since: event.at, forMs: this.#trueMs(Infinity) }
        return
      case 'led':
        Object.assign(this.#of(event), { bound: null, led: { term: event.term, helped: null } })
        return
      case 'fault':
        // Who stood in the middle of an event counts from before it did.
        if (event.fault === 'goes on') this.#of(event).doubtfulAt = event.at
        return
      case 'evidence':
        if (this.#of(event).bound?.to === event.against) this.#freed(event)
        return
      case 'received':
        if (event.message.kind === 'raft') this.#received(event, event.message.message)
        return
      case 'sent':
        if (event.message.kind === 'raft') this.#sent(event, event.message.message)
        return
      default:
    }
  }

  #received(event: Received, message: Message): void {
    const voter = this.#of(event)
    const { bound } = voter
    const { from, at } = event
    if (message.type === 'vote' && !message.transfer) {
      const request = `${from} ${message.term}`
      voter.asked.set(request, this.#isBound(voter, at) && voter.asked.get(request) !== false)
      return
    }
    // The leader itself asks for votes, or for a successor: it wants to lead no more. Anybody else who only asks changes nothing.
    const leader = bound === null ? voter.beat?.from : bound.to
    const term = bound === null ? (voter.beat?.term ?? -1) : bound.term
    const changesNothing =
      (message.term <= term && message.type !== 'timeout-now') ||
      (message.type === 'pre-vote' && from !== leader)
    if (message.type === 'heartbeat') {
      // It may be another leader, or another promise: bound to it once this is answered. An older one changes nothing.
      if (bound === null || message.term >= bound.term) voter.bound = null
      const { round, pulse } = message
      const isNew = voter.beat?.from !== from || voter.beat.term !== message.term
      const newest = isNew ? undefined : voter.beat?.promise
      const promise =
        newest === undefined || round >= newest.round
          ? { round, silenceMs: pulse?.silenceMs ?? Infinity }
          : newest
      voter.beat = { from, term: message.term, round, at, promise }
    } else if (!changesNothing) this.#freed(event)
  }

  #sent(event: Sent, message: Message): void {
    const voter = this.#of(event)
    switch (message.type) {
      case 'heartbeat':
        return this.#leads(event, voter, message.term)
      case 'heartbeat-reply': {
        const { beat, doubtfulAt } = voter
        if (beat?.from !== event.to || beat.round !== message.round || beat.at !== event.at) return
        // A beat of a term that is over binds nobody, though the answer to it may look like one to its first round.
        if (beat.term !== message.term || doubtfulAt === event.at) return
        const forMs = this.#trueMs(beat.promise.silenceMs)
        voter.bound = { to: event.to, term: message.term, since: event.at, forMs }
        return
      }
      case 'pre-vote-reply':
        if (!message.granted) return
        this.#helps(voter, event.to, message.term)
        this.#judge(event, !this.#isBound(voter, event.at) || voter.bound?.to === event.to, 'pre-vote')
        return
      case 'vote-reply':
        if (!message.granted) return
        this.#helps(voter, event.to, message.term)
        this.#judge(event, voter.asked.get(`${event.to} ${message.term}`) !== true, 'vote')
        return
      default:
    }
  }

  #judge(event: Sent, isFree: boolean, what: string): void {
    this.evaluations += 1
    ensure(isFree, () => {
      const { bound } = this.#of(event)
      const why =
        bound === null
          ? 'it was bound when it was asked'
          : `${bound.to === null ? 'it began' : `it heard ${bound.to} lead term ${bound.term}`} at ${bound.since}`
      return `${event.process} (run ${event.run}) gives ${event.to} its ${what} at ${event.at}, although ${why}`
    })
  }

  #helps({ led }: Voter, candidate: string, term: number): void {
    if (led !== null && term > led.term) led.helped ??= candidate
  }

  #leads({ process, run, at }: Sent, { led }: Voter, term: number): void {
    if (led?.term !== term) return
    ensure(led.helped === null, () => {
      return `${process} (run ${run}) still leads term ${term} at ${at}, after it helped ${led.helped} to a newer one`
    })
  }

  #isBound({ bound }: Voter, at: number): boolean {
    return bound !== null && at - bound.since < bound.forMs
  }

  /** A fast clock is done sooner, and a reading may be a tick old. */
  #trueMs(silenceMs: number): number {
    const { electionTimeoutMs, maxClockDrift, tickMs } = this.#timing
    return Math.min(electionTimeoutMs[0], silenceMs) / (1 + maxClockDrift) - 2 * tickMs
  }

  #freed(event: HistoryEvent): void {
    Object.assign(this.#of(event), { bound: null, doubtfulAt: event.at })
  }

  #of({ process, run }: HistoryEvent): Voter {
    let voter = this.#voters.get(process)
    if (voter === undefined || voter.run !== run) {
      voter = { run, bound: null, doubtfulAt: -1, beat: null, asked: new Map(), led: null }
      this.#voters.set(process, voter)
    }
    return voter
  }
}
