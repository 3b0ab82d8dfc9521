import { between } from '../../seams/random.ts'
import type { Random } from '../../seams/random.ts'

const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 500

/** host:port, with a port that there can be. */
export function isServerAddress(address: unknown): boolean {
  if (typeof address !== 'string') return false
  const port = Number(/^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]/@]+):(\d{1,5})$/.exec(address)?.[1])
  return port >= 1 && port <= 65_535
}

/** Which server is tried next, and when: each once without delay, then rounds with pauses that grow. */
export class ServerList {
  readonly #servers: readonly string[]
  readonly #random: Random
  /** Why each was left last. */
  readonly #reasons = new Map<string, string>()
  #next = 0
  #failures = 0

  /** Shuffled, so that the clients of one configuration spread over its servers. */
  constructor(servers: readonly string[], random: Random) {
    const shuffled = [...servers]
    for (let last = shuffled.length - 1; last > 0; last -= 1) {
      const other = Math.floor(random.next() * (last + 1))
      const moved = shuffled[last]!
      shuffled[last] = shuffled[other]!
      shuffled[other] = moved
    }
    this.#servers = shuffled
    this.#random = random
  }

  get count(): number {
    return this.#servers.length
  }

  /** How often the whole list was tried in vain since the last success. */
  get rounds(): number {
    return Math.floor(this.#failures / this.#servers.length)
  }

  take(): string {
    const server = this.#servers[this.#next % this.#servers.length]!
    this.#next += 1
    return server
  }

  succeeded(): void {
    this.#failures = 0
    this.#reasons.clear()
  }

  /** Gives the pause before the next try, in ms. */
  failed(server: string, reason: string): number {
    this.#reasons.set(server, reason)
    this.#failures += 1
    if (this.#failures % this.#servers.length !== 0) return 0
    const pauseMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.rounds - 1))
    return between(this.#random, pauseMs / 2, pauseMs)
  }

  /** It was being waited for when nobody waited any longer. What it said before says more. */
  silent(server: string): void {
    if (!this.#reasons.has(server)) this.#reasons.set(server, 'no answer in time')
  }

  tried(): readonly { readonly target: string; readonly reason: string }[] {
    return [...this.#reasons].map(([target, reason]) => ({ target, reason }))
  }
}
