/**
 * Nodes of the same candidate id that were there before: of a process that lives, which keeps this one out, or of one that
 * died and whose session runs out by itself. Nobody can tell which before the session had the time to run out.
 */
import { electionPath } from '../../fencing/zookeeper-layout.ts'
import type { ZooKeeperClient } from '../../clients/zookeeper/client.ts'
import { isZooKeeperError } from '../../clients/zookeeper/error-codes.ts'
import type { Clock, Timer } from '../../seams/clock.ts'
import { tagOf } from './dialects.ts'
import type { Dialect } from './dialects.ts'

export interface TwinsOptions {
  readonly clock: Clock
  readonly client: ZooKeeperClient
  readonly dialect: Dialect
  readonly election: string
  /** Of the own node. */
  readonly guid: string
  readonly sessionId: bigint
  /** Look again: one may have gone, or had time enough. */
  readonly look: () => void
}

export type Verdict =
  | { readonly is: 'none' }
  | { readonly is: 'waiting' }
  /** For so many ms, in which a session without a process runs out. */
  | { readonly is: 'living'; readonly sinceMs: number }

export class Twins {
  readonly #options: TwinsOptions
  /** By name, and when they are proven to be alive. */
  #known: { readonly names: ReadonlySet<string>; readonly untilMs: number; readonly timer: Timer } | undefined

  constructor(options: TwinsOptions) {
    this.#options = options
  }

  /** `before`: the nodes before the own one. */
  async verdict(before: readonly string[]): Promise<Verdict> {
    const { clock, client, look } = this.#options
    const names: string[] = []
    for (const name of before) if (this.#isTwin(name) && (await this.#isForeign(name))) names.push(name)
    if (names.length === 0) {
      this.forget()
      return { is: 'none' }
    }
    const waitMs = 2 * client.timeoutMs
    const known = this.#known
    if (known === undefined || !names.some((name) => known.names.has(name))) {
      this.forget()
      const untilMs = clock.lower() + waitMs
      this.#known = { names: new Set(names), untilMs, timer: clock.setTimer(waitMs, look) }
      return { is: 'waiting' }
    }
    return clock.lower() < known.untilMs ? { is: 'waiting' } : { is: 'living', sinceMs: Math.round(waitMs) }
  }

  forget(): void {
    this.#known?.timer.cancel()
    this.#known = undefined
  }

  #isTwin(name: string): boolean {
    const { dialect, guid: own } = this.#options
    const guid = dialect.guidOf(name)
    return guid !== undefined && tagOf(guid) === tagOf(own)
  }

  async #isForeign(name: string): Promise<boolean> {
    const { client, election, sessionId, look } = this.#options
    const path = `${electionPath(election)}/${name}`
    try {
      const { ephemeralOwner } = (await client.getData(path)).stat
      if (ephemeralOwner !== sessionId) return true
      // A node of this very session, of a candidacy that is over: it would be waited for as long as the session lives.
      await client.delete(path)
    } catch (error) {
      if (!isZooKeeperError(error, 'NONODE')) throw error
    }
    look()
    return false
  }
}
