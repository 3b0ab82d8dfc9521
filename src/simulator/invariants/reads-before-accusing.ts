/**
 * After a stall timers fire before the frames that wait in the sockets are read (DESIGN §2 "Clocks"). Whoever stood still must
 * read before it finds others silent. A follower that stands for election with its first breath, and in the same instant reads
 * the heartbeat that had been there all the time, did not (unless it knows of a death); nor did a leader that read the
 * answers of a majority in that instant, beats no more, and later stands for the very next term.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { isMajority } from './models/majority.ts'

export const readsBeforeAccusing: Invariant = {
  name: 'reads-before-accusing',
  claim:
    'Who stood still reads what has arrived before it finds its leader, or its followers, silent (DESIGN §2).',
  types: ['fault', 'led', 'evidence', 'sent', 'received'],
  messages: ['pre-vote', 'heartbeat', 'heartbeat-reply', 'append-reply'],
  check: (context) => new ReadsBeforeAccusing(context),
}

/** Of a process that stood still. */
interface Waking {
  readonly run: number
  /** The term that it led. */
  readonly led: number | null
  /** Its first breath. */
  at: number | null
  /** For which term it stands. */
  stands: number | null
  /** Who had answered it. */
  readonly answered: Set<string>
  /** Who asked it: a rival is asked again, by who stood already before it stood still. */
  readonly rivals: Set<string>
}

type Message = Extract<HistoryEvent, { type: 'sent' | 'received' }>

const standsStill: ReadonlySet<string> = new Set(['stall', 'pause', 'suspend'])

class ReadsBeforeAccusing implements Checker {
  evaluations = 0
  readonly #voters: readonly string[]
  readonly #led = new Map<string, { readonly run: number; readonly term: number }>()
  readonly #waking = new Map<string, Waking>()

  constructor({ voters }: CheckContext) {
    this.#voters = voters
  }

  observe(event: HistoryEvent): void {
    const { process, run } = event
    if (event.type === 'led') this.#led.set(process, event)
    if (event.type === 'fault') {
      this.#waking.delete(process)
      if (!standsStill.has(event.fault)) return
      const led = this.#led.get(process)
      const term = led?.run === run ? led.term : null
      this.#waking.set(process, {
        run,
        led: term,
        at: null,
        stands: null,
        answered: new Set(),
        rivals: new Set(),
      })
    }
    if (event.type === 'evidence') this.#waking.delete(process)
    if (event.type !== 'sent' && event.type !== 'received') return
    const waking = this.#waking.get(process)
    if (waking === undefined || event.message.kind !== 'raft') return
    if (waking.run !== run || !this.#wakes(event, waking, event.message.message)) this.#waking.delete(process)
  }

  /** False: there is no more to see. */
  #wakes(event: Message, waking: Waking, message: { readonly type: string; readonly term: number }): boolean {
    waking.at ??= event.at
    const isFirst = event.at === waking.at
    if (event.type === 'sent') {
      const asksAnew = !waking.rivals.has(event.to)
      if (message.type === 'pre-vote' && isFirst && asksAnew) waking.stands ??= message.term
      if (message.type === 'pre-vote' && !isFirst) return this.#gaveUp(event, waking, message.term)
      // It leads on.
      if (message.type === 'heartbeat' && !isFirst) return this.#holds()
    } else {
      if (message.type === 'heartbeat' && isFirst) this.#heard(event, waking, message.term)
      if (message.type === 'pre-vote') waking.rivals.add(event.from)
      // To be asked changes nothing.
      if (message.type !== 'pre-vote' && message.term > (waking.led ?? 0)) return false
      if (message.type.endsWith('-reply') && message.term === waking.led && isFirst)
        waking.answered.add(event.from)
    }
    return isFirst || waking.led !== null
  }

  #heard({ process, at, ...event }: Message, { stands }: Waking, term: number): void {
    this.evaluations += 1
    const from = event.type === 'received' ? event.from : process
    ensure(stands === null || term < stands - 1, () => {
      return `${process} (run ${event.run}) stood still, and stands against ${from} at ${at} before it reads its heartbeat of term ${term}`
    })
  }

  /** Who learned of a newer term stands for a later one. */
  #gaveUp({ process, run, at }: Message, { led, at: since, answered }: Waking, term: number): false {
    const wasHeard = term - 1 === led && isMajority(answered.size + 1, this.#voters.length)
    ensure(!wasHeard, () => {
      const who = [...answered].join(', ')
      return `${process} (run ${run}) led term ${led}, stood still until ${since}, had the answers of ${who}, and stands for the next at ${at}`
    })
    return false
  }

  #holds(): false {
    this.evaluations += 1
    return false
  }
}
