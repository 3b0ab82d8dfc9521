/**
 * After a stall timers fire before the frames that wait in the sockets are read (DESIGN §2 "Clocks"). Whoever stood still must
 * read before it finds others silent. A follower that stands for election with its first breath, and in the same instant reads
 * the heartbeat that had been there all the time, did not (unless it knows of a death). Of leaders `answered-leader-stays` tells.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'

export const readsBeforeAccusing: Invariant = {
  name: 'reads-before-accusing',
  claim: 'Who stood still reads what has arrived before it finds its leader silent (DESIGN §2).',
  types: ['fault', 'evidence', 'sent', 'received'],
  messages: ['pre-vote', 'heartbeat'],
  check: () => new ReadsBeforeAccusing(),
}

/** Of a process that stood still. */
interface Waking {
  readonly run: number
  /** Its first breath. */
  at: number | null
  /** For which term it stands. */
  stands: number | null
  /** Who asked it: a rival is asked again, by who stood already before it stood still. */
  readonly rivals: Set<string>
}

type Message = Extract<HistoryEvent, { type: 'sent' | 'received' }>

const standsStill: ReadonlySet<string> = new Set(['stall', 'pause', 'suspend'])

class ReadsBeforeAccusing implements Checker {
  evaluations = 0
  readonly #waking = new Map<string, Waking>()

  observe(event: HistoryEvent): void {
    const { process, run } = event
    if (event.type === 'fault') {
      this.#waking.delete(process)
      if (standsStill.has(event.fault))
        this.#waking.set(process, { run, at: null, stands: null, rivals: new Set() })
    }
    if (event.type === 'evidence') this.#waking.delete(process)
    if (event.type !== 'sent' && event.type !== 'received') return
    const waking = this.#waking.get(process)
    if (waking === undefined || event.message.kind !== 'raft') return
    const { type, term } = event.message.message
    if (waking.run !== run || !this.#wakes(event, waking, type, term)) this.#waking.delete(process)
  }

  /** False: there is no more to see. */
  #wakes(event: Message, waking: Waking, type: string, term: number): boolean {
    waking.at ??= event.at
    if (event.at !== waking.at) return false
    if (event.type === 'sent') {
      if (type === 'pre-vote' && !waking.rivals.has(event.to)) waking.stands ??= term
      return true
    }
    if (type === 'pre-vote') waking.rivals.add(event.from)
    if (type !== 'heartbeat') return true
    this.#heard(event, waking, term)
    return false
  }

  #heard(
    { process, run, at, from }: Extract<Message, { type: 'received' }>,
    { stands }: Waking,
    term: number,
  ): void {
    this.evaluations += 1
    ensure(stands === null || term < stands - 1, () => {
      return `${process} (run ${run}) stood still, and stands against ${from} at ${at} before it reads its heartbeat of term ${term}`
    })
  }
}
