/** Questions to the cluster that nobody has answered yet: each is open for a lease, by then all it is about has expired. */
import type { Clock } from '../../seams/clock.ts'
import { answerWithin, deferred } from '../settled.ts'

interface Question<Answer> {
  readonly number: number
  readonly settle: (answer: Answer | null) => void
}

interface Asked {
  readonly signal: AbortSignal | undefined
  /** Among the questions about one thing: the answer to a later one answers the earlier ones too. @default 0 */
  readonly number?: number
  /** Also called if the signal has aborted: `null` promises no more than that, and less would keep what is given up. */
  readonly send: () => void
}

export class Questions<About, Answer> {
  readonly #options: { readonly clock: Clock; readonly leaseMs: number }
  readonly #open = new Map<About, Set<Question<Answer>>>()

  constructor(options: { readonly clock: Clock; readonly leaseMs: number }) {
    this.#options = options
  }

  /** The answer; null: aborted, no answer for a lease, or the session ended. */
  async ask(about: About, { signal, number = 0, send }: Asked): Promise<Answer | null> {
    const { promise, resolve } = deferred<Answer | null>()
    const question = { number, settle: resolve }
    const open = this.#open.get(about) ?? new Set()
    this.#open.set(about, open.add(question))
    send()
    const { clock, leaseMs } = this.#options
    const answer = await answerWithin(promise, null, { clock, ms: leaseMs, signal })
    open.delete(question)
    if (open.size === 0 && this.#open.get(about) === open) this.#open.delete(about)
    return answer
  }

  isOpen(about: About): boolean {
    return this.#open.has(about)
  }

  answered(about: About, answer: Answer | null, upTo = Infinity): void {
    for (const { number, settle } of [...(this.#open.get(about) ?? [])]) if (number <= upTo) settle(answer)
  }

  /** The session is over, and everything it had with it. */
  endAll(answer: Answer | null): void {
    for (const about of [...this.#open.keys()]) this.answered(about, answer)
  }
}
