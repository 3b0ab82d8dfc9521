/**
 * After a stall timers fire before the frames that wait in the sockets are read (DESIGN §2 "Clocks"). So a peer that stood
 * still must read before it believes that its leader is silent: if it asks for pre-votes with its first breath, and in the
 * same instant reads the leader's heartbeat, which had been there all the time, it did not.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'

export const readsBeforeAccusing: Invariant = {
  name: 'reads-before-accusing',
  claim: 'Who stood still reads what has arrived before it finds its leader silent (DESIGN §2).',
  types: ['fault', 'sent', 'received'],
  messages: ['pre-vote', 'heartbeat'],
  check: () => new ReadsBeforeAccusing(),
}

/** Of a process that stood still, from then until it has read something. */
interface Waking {
  readonly run: number
  asked: { readonly term: number; readonly at: number } | null
}

class ReadsBeforeAccusing implements Checker {
  evaluations = 0
  readonly #waking = new Map<string, Waking>()

  observe(event: HistoryEvent): void {
    const { process, run, at } = event
    if (event.type === 'fault') {
      if (standsStill.has(event.fault)) this.#waking.set(process, { run, asked: null })
      return
    }
    if (event.type !== 'sent' && event.type !== 'received') return
    const waking = this.#waking.get(process)
    if (waking === undefined || event.message.kind !== 'raft') return
    const { message } = event.message
    if (event.type === 'sent') {
      if (message.type === 'pre-vote' && waking.run === run) waking.asked ??= { term: message.term, at }
      return
    }
    this.#waking.delete(process)
    if (waking.run !== run) return
    this.evaluations += 1
    const { asked } = waking
    const wasThere = asked !== null && asked.at === at && message.term >= asked.term - 1
    ensure(!(message.type === 'heartbeat' && wasThere), () => {
      return `${process} (run ${run}) stood still, and stands against ${event.from} at ${at} before it reads its heartbeat of term ${message.term}`
    })
  }
}

const standsStill: ReadonlySet<string> = new Set(['stall', 'pause', 'suspend'])
