/**
 * Follows nothing before the way to the cluster was open once: until then silence says nothing about the cluster. Of several
 * peers the first that is dialled may hang for longer than the silence that would mean "unknown".
 */
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { ObserveEvents } from '../backend.ts'
import type { Observation } from '../observations.ts'
import { tellObserver } from '../tell-observer.ts'
import type { Observing } from './engine.ts'

interface Waiting {
  readonly election: string
  readonly on: ObserveEvents
  observation: Observation | null
}

export class FirstContact<Reply> implements Observing<Reply> {
  readonly #observing: Observing<Reply>
  readonly #waiting = new Set<Waiting>()
  #wasUp = false
  /** Why no peer could be reached, once all were tried. */
  #problem: string | null = null

  constructor(observing: Observing<Reply>) {
    this.#observing = observing
  }

  get key(): string {
    return this.#observing.key
  }

  observe(election: string, on: ObserveEvents): Observation {
    if (this.#wasUp) return this.#observing.observe(election, on)
    const waiting: Waiting = { election, on, observation: null }
    this.#waiting.add(waiting)
    queueMicrotask(() => this.#tellProblem(waiting))
    return {
      close: () => {
        this.#waiting.delete(waiting)
        waiting.observation?.close()
      },
    }
  }

  up(): void {
    this.#wasUp = true
    this.#observing.up()
    for (const waiting of this.#waiting)
      waiting.observation = this.#observing.observe(waiting.election, waiting.on)
    this.#waiting.clear()
  }

  /** Lost, or none of the peers could be reached. Later on the engine notices the silence itself. */
  down(reason: string): void {
    if (this.#wasUp) return
    this.#problem = reason
    for (const waiting of [...this.#waiting]) this.#tellProblem(waiting)
  }

  received(from: PeerId, replies: readonly Reply[]): void {
    this.#observing.received(from, replies)
  }

  close(): void {
    this.#waiting.clear()
    this.#observing.close()
  }

  #tellProblem(waiting: Waiting): void {
    if (this.#problem === null || !this.#waiting.has(waiting)) return
    tellObserver(waiting.on, { is: 'unknown', reason: this.#problem })
  }
}
