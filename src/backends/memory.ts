import { checkLease } from './backend.ts'
import type { Backend, BackgroundFailure, LeaseTiming } from './backend.ts'
import { defineBackend } from './define-backend.ts'
import { MemoryDriver, memoryFacts } from './memory/driver.ts'
import { memorySpace } from './memory/space.ts'
import type { MemorySpace } from './memory/space.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'

export { memorySpace } from './memory/space.ts'
export type { MemorySpace, MemorySpaceOptions } from './memory/space.ts'

export interface MemoryOptions {
  /** The arbiter to share with other `memory()` backends. @default one of its own */
  readonly space?: MemorySpace | undefined
  /** This process's clock. @default the clock of the space */
  readonly clock?: Clock | undefined
  /** @default the random source of the space */
  readonly random?: Random | undefined
  /** `leaseMs` defaults to 1000; drift and tick to those of the space. */
  readonly timing?: Partial<LeaseTiming> | undefined
  /** Told of failures that belong to no call of the user's. @default a process warning */
  readonly onBackgroundFailure?: ((failure: BackgroundFailure) => void) | undefined
  /** @default host name and a random suffix */
  readonly candidateId?: string | undefined
}

/**
 * Elections within this process, with the semantics of a real backend: for tests and for running one process without
 * an arbiter. Does not elect between processes, and nothing survives the process.
 * @throws INVALID_OPTIONS
 */
export function memory(options: MemoryOptions = {}): Backend {
  const space = options.space ?? memorySpace({ clock: options.clock, random: options.random })
  const clock = options.clock ?? space.clock
  const link = space.connect(clock)
  const timing = leaseTiming(options.timing ?? {}, space)
  const backend = defineBackend(
    (env) => new MemoryDriver({ env, link, arbiter: space.arbiter, scope: space.scope, timing }),
    {
      clock,
      random: options.random ?? space.random,
      onBackgroundFailure: options.onBackgroundFailure,
      defaultCandidateId: options.candidateId,
      timing,
    },
  )
  space.attach(backend, link)
  return backend
}

function leaseTiming(timing: Partial<LeaseTiming>, space: MemorySpace): LeaseTiming {
  const { leaseMs = 1000, maxClockDrift = space.maxClockDrift, tickMs = space.tickMs } = timing
  checkLease(leaseMs, memoryFacts, { leaseMs, maxClockDrift, tickMs })
  return { leaseMs, maxClockDrift, tickMs }
}
