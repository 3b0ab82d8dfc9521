/**
 * Check-quorum (Dissertation §6.2): twice the minimum election timeout after a majority was last heard from, nobody leads
 * any more. What is done to a leader's process, and for how long it stands still then, its own next event shows.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'

export const leaderStepsDown: Invariant = {
  name: 'leader-steps-down',
  claim:
    'A leader that no majority answers leads no more within two minimum election timeouts (Dissertation §6.2).',
  types: ['led', 'fault', 'sent', 'received'],
  messages: ['heartbeat', 'heartbeat-reply', 'append-reply'],
  check: (context) => new LeaderStepsDown(context),
}

interface Leadership {
  readonly run: number
  readonly term: number
  /** When each other voter was heard in this term. */
  readonly heard: Map<string, number>
  /** Nobody counts as unheard from before this. */
  since: number
  /** Something was done to the process: it counts from when it runs. */
  doubtful: boolean
}

/** Late timers, and a poll phase. */
const graceMs = 50

class LeaderStepsDown implements Checker {
  evaluations = 0
  readonly #others: number
  readonly #patienceMs: number
  readonly #leaders = new Map<string, Leadership>()

  constructor({ voters, timing }: CheckContext) {
    this.#others = Math.floor(voters.length / 2)
    this.#patienceMs =
      (2 * timing.electionTimeoutMs[0]) / (1 - timing.maxClockDrift) + 2 * timing.tickMs + graceMs
  }

  observe(event: HistoryEvent): void {
    const { process, run, at } = event
    if (event.type === 'led') {
      const { term } = event
      this.#leaders.set(process, { run, term, heard: new Map(), since: at, doubtful: false })
      return
    }
    const leader = this.#leaders.get(process)
    if (leader === undefined || leader.run !== run) return
    if (event.type === 'fault') {
      leader.doubtful = true
      return
    }
    if (event.type !== 'sent' && event.type !== 'received') return
    if (leader.doubtful) Object.assign(leader, { doubtful: false, since: at })
    if (event.message.kind !== 'raft' || event.message.message.term !== leader.term) return
    const { type } = event.message.message
    if (event.type === 'received') leader.heard.set(event.from, at)
    else if (type === 'heartbeat') this.#judge(event, leader)
  }

  #judge({ process, at }: HistoryEvent, { term, heard, since }: Leadership): void {
    if (this.#others === 0) return
    this.evaluations += 1
    const newest = [...heard.values()].toSorted((left, right) => right - left)[this.#others - 1] ?? since
    const heardAt = Math.max(newest, since)
    ensure(at - heardAt <= this.#patienceMs, () => {
      return `${process} still leads term ${term} at ${at}; a majority was heard from last at ${heardAt}`
    })
  }
}
