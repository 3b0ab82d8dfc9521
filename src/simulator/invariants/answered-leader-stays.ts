/**
 * The other half of check-quorum (Dissertation §6.2): a leader gives up of itself only if no majority answered it since its
 * last check, and after a stall only once it has read what arrived meanwhile (DESIGN §2 "Clocks"). Whatever it reads in the
 * very instant in which it gives up was in its sockets before: the poll phase that it owes ends behind that.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { isMajority } from './models/majority.ts'

export const answeredLeaderStays: Invariant = {
  name: 'answered-leader-stays',
  claim:
    'A leader gives up of itself only when no majority has answered it, nor has an answer in its sockets (Dissertation §6.2, DESIGN §2).',
  types: ['led', 'stepped-down', 'fault', 'received'],
  messages: ['heartbeat-reply', 'append-reply'],
  check: (context) => new AnsweredLeaderStays(context),
}

interface Leadership {
  readonly run: number
  readonly term: number
  /** When each other voter answered last in this term. */
  readonly answered: Map<string, number>
  /** When it went on last in the middle of an event: what that decided, it decided before it stood still. */
  wentOnAt: number
  gaveUpAt: number | null
}

class AnsweredLeaderStays implements Checker {
  evaluations = 0
  readonly #voters: readonly string[]
  /** A check covers at least so much true time. */
  readonly #checkedMs: number
  readonly #leaders = new Map<string, Leadership>()

  constructor({ voters, timing }: CheckContext) {
    this.#voters = voters
    this.#checkedMs = timing.electionTimeoutMs[0] / (1 + timing.maxClockDrift) - 2 * timing.tickMs
  }

  observe(event: HistoryEvent): void {
    const { process, run, at } = event
    if (event.type === 'led') {
      const { term } = event
      this.#leaders.set(process, { run, term, answered: new Map(), wentOnAt: -1, gaveUpAt: null })
      return
    }
    const leader = this.#leaders.get(process)
    if (leader === undefined || leader.run !== run) return
    if (event.type === 'fault' && event.fault === 'goes on') leader.wentOnAt = at
    if (event.type === 'stepped-down') this.#gaveUp(event, leader, event.term)
    if (event.type !== 'received' || event.message.kind !== 'raft') return
    if (leader.gaveUpAt !== null && leader.gaveUpAt !== at) this.#leaders.delete(process)
    else if (event.message.message.term === leader.term) {
      leader.answered.set(event.from, at)
      this.#judge(event, leader)
    }
  }

  #gaveUp(event: HistoryEvent, leader: Leadership, term: number): void {
    // Who learned of a newer term has to.
    if (term !== leader.term) {
      this.#leaders.delete(event.process)
      return
    }
    this.evaluations += 1
    leader.gaveUpAt = event.at
    this.#judge(event, leader)
    if (leader.wentOnAt === event.at) this.#leaders.delete(event.process)
  }

  #judge({ process, run, at }: HistoryEvent, { term, answered, gaveUpAt }: Leadership): void {
    if (gaveUpAt === null) return
    const heard = [...answered].filter(([, answeredAt]) => at - answeredAt < this.#checkedMs)
    ensure(!isMajority(heard.length + 1, this.#voters.length), () => {
      const who = heard.map(([peer, answeredAt]) => `${peer} at ${answeredAt}`).join(', ')
      return `${process} (run ${run}) gives up term ${term} at ${at}, although it had the answers of ${who}`
    })
  }
}
