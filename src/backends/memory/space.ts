import type { Backend } from '../backend.ts'
import { Arbiter } from './arbiter.ts'
import { Link } from './link.ts'
import { MandateError } from '../../errors.ts'
import type { Clock } from '../../seams/clock.ts'
import type { Random } from '../../seams/random.ts'
import { systemClock } from '../../system/clock.ts'
import { systemRandom } from '../../system/random.ts'

export interface MemorySpaceOptions {
  /** The arbiter's clock. @default the system's clocks */
  readonly clock?: Clock | undefined
  /** @default the system's source of chance */
  readonly random?: Random | undefined
  /** @default 0.001 */
  readonly maxClockDrift?: number | undefined
  /** @default 1 */
  readonly tickMs?: number | undefined
}

/**
 * One arbiter in this process. Backends made by `memory({ space })` stand for processes of their own that share it,
 * each behind a connection that can be hurt. For tests: nothing here survives the process.
 */
export class MemorySpace {
  readonly clock: Clock
  readonly random: Random
  readonly maxClockDrift: number
  readonly tickMs: number
  /** The scope within which tokens of this space compare. */
  readonly scope: string
  /** @internal */
  readonly arbiter: Arbiter
  readonly #links = new WeakMap<Backend, Link>()

  constructor(options: MemorySpaceOptions = {}) {
    this.clock = options.clock ?? systemClock()
    this.random = options.random ?? systemRandom()
    this.maxClockDrift = options.maxClockDrift ?? 0.001
    this.tickMs = options.tickMs ?? 1
    this.scope = `memory-${this.random.id()}`
    this.arbiter = new Arbiter(this.clock, this)
  }

  /** @internal */
  connect(clock: Clock): Link {
    return new Link(this.clock, clock)
  }

  /** @internal */
  attach(backend: Backend, link: Link): void {
    this.#links.set(backend, link)
  }

  /** Nothing passes between `backend` and the arbiter, in either direction, until `heal`. */
  cut(backend: Backend): void {
    this.#link(backend).cut()
  }

  heal(backend: Backend): void {
    this.#link(backend).heal()
  }

  /** `backend`'s process dies: nothing of it is called again, and the arbiter has evidence of its death. */
  kill(backend: Backend): void {
    const link = this.#link(backend)
    link.kill()
    this.arbiter.crashed(link)
  }

  /** The next `count` messages from the arbiter to `backend` are lost; what was asked takes effect. */
  loseReplies(backend: Backend, count = 1): void {
    this.#link(backend).loseReplies(count)
  }

  /** Messages from the arbiter to `backend` arrive `ms` late from now on. */
  delayReplies(backend: Backend, ms: number): void {
    this.#link(backend).delayReplies(ms)
  }

  /**
   * An operator takes the leadership of `election` away: loss with reason `revoked`. In time mode a successor follows
   * only after the holder has confirmed that it stopped, or its lease has run out.
   */
  revoke(election: string): void {
    this.arbiter.revoke(election)
  }

  /** The arbiter drops the sessions of a candidate that lives: loss with reason `session-lost`. */
  loseSession(candidateId: string): void {
    this.arbiter.loseSession(candidateId)
  }

  /** Evidence of death: frees what the candidate holds in token mode at once, never in time mode. */
  evidence(candidateId: string): void {
    this.arbiter.evidence(candidateId)
  }

  /** The arbiter restarts with what is durable: sessions, grants and tokens. */
  restart(): void {
    this.arbiter.restart()
  }

  #link(backend: Backend): Link {
    const link = this.#links.get(backend)
    if (link !== undefined) return link
    throw new MandateError(
      'INVALID_OPTIONS',
      'this backend was not made by memory({ space }) with this space',
      {
        option: 'backend',
      },
    )
  }
}

/** One arbiter for several `memory()` backends. */
export function memorySpace(options: MemorySpaceOptions = {}): MemorySpace {
  return new MemorySpace(options)
}
