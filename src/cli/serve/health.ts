/** What the probes are told. */
import type { ServedCandidate } from './candidate.ts'
import type { ElectionView } from './election-view.ts'
import type { Failures } from './failures.ts'
import { Liveness } from './liveness.ts'
import type { LivenessFacts, LivenessOptions } from './liveness.ts'
import { LoopLag } from './loop-lag.ts'

export interface HealthOptions extends LivenessOptions {
  readonly candidate: ServedCandidate
  readonly view: ElectionView
  readonly failures: Failures
  /** Aborted once it stops. */
  readonly stopping: AbortSignal
  /** Monotonic. */
  readonly nowMs: () => number
}

export class Health {
  readonly #options: HealthOptions
  readonly #liveness: Liveness
  readonly #lag: LoopLag

  constructor(options: HealthOptions) {
    this.#options = options
    this.#liveness = new Liveness(options)
    this.#lag = new LoopLag({ everyMs: 1000, nowMs: options.nowMs })
  }

  get loopLagMs(): number {
    return this.#lag.worstMs
  }

  /** Told of each change, so that it is known since when. */
  look(): void {
    this.#liveness.look(this.#facts())
  }

  /** Why this process should be started again; undefined: it should not. */
  notLive(): string | undefined {
    const problem = this.#liveness.problem(this.#facts())
    return problem === undefined ? undefined : `election '${this.#options.view.election}': ${problem}`
  }

  /** Readiness says that answers mean something. It never says who leads: a rolling update would wait for itself. */
  notReady(): string | undefined {
    if (this.#options.stopping.aborted) return 'it is stopping'
    return this.#options.view.isKnown ? undefined : 'the backend has not answered yet'
  }

  stop(): void {
    this.#lag.stop()
  }

  #facts(): LivenessFacts {
    const { candidate, view, failures, nowMs } = this.#options
    return {
      nowMs: nowMs(),
      leads: candidate.leads() !== undefined,
      isNamed: view.namesCandidate,
      failedAtMs: failures.lastAtMs,
      sustainedLagMs: this.#lag.sustainedMs,
    }
  }
}
