import type { Backend } from '../backends/backend.ts'
import { memory, memorySpace } from '../backends/memory.ts'
import { memoryFacts } from '../backends/memory/driver.ts'
import type { Random } from '../seams/random.ts'
import type { ConformanceSetup, ConformanceWorld } from './conformance.ts'
import { manualClock } from './manual-clock.ts'
import type { ManualClock } from './manual-clock.ts'

export interface MemoryConformanceOptions {
  /** How fast the arbiter's clock runs. @default just inside the permitted drift, fast */
  readonly arbiterRate?: number
}

/** rho, as the space has it by default. */
const MAX_DRIFT = 0.001

/** How long a step of waiting is, in ms of true time. */
const STEP_MS = 10

/**
 * The memory backend, set up for the suite on a virtual clock. The arbiter's clock runs as fast and those of the
 * candidates as slowly as the permitted drift allows, so that every case is played at the edge of it.
 */
export function memoryConformance(options: MemoryConformanceOptions = {}): ConformanceSetup {
  return {
    name: 'memory',
    facts: memoryFacts,
    leaseMs: 1000,
    patienceMs: 10_000,
    create: () => Promise.resolve(memoryWorld(options.arbiterRate ?? 1 + 0.99 * MAX_DRIFT)),
  }
}

function memoryWorld(arbiterRate: number): ConformanceWorld {
  const clock = manualClock({ rate: arbiterRate })
  const space = memorySpace({ clock, random: counter() })
  const clocks = new Map<Backend, ManualClock>()
  return {
    candidate: (id) => {
      const own = clock.sibling({ rate: 1 - 0.99 * MAX_DRIFT })
      const backend = memory({ space, clock: own, candidateId: id, timing: { leaseMs: 1000 } })
      clocks.set(backend, own)
      return Promise.resolve(backend)
    },
    settle: async (condition, withinMs) => {
      const endMs = clock.trueMs() + withinMs
      await clock.advanceAsync(0)
      while (!condition()) {
        if (clock.trueMs() >= endMs) return false
        await clock.advanceAsync(Math.min(STEP_MS, endMs - clock.trueMs()))
      }
      return true
    },
    advance: (ms) => clock.advanceAsync(ms),
    crash: (backend) => space.kill(backend),
    restartArbiter: () => space.restart(),
    cut: (backend) => space.cut(backend),
    heal: (backend) => space.heal(backend),
    loseNextReply: (backend) => space.loseReplies(backend),
    delayReplies: (backend, ms) => space.delayReplies(backend, ms),
    evidence: (id) => space.evidence(id),
    openHandles: () =>
      [...clocks].flatMap(([backend, own]) => {
        const timers = own.pendingTimers()
        return timers === 0 ? [] : [`${timers} timers of ${backend.defaultCandidateId}`]
      }),
    close: () => Promise.resolve(),
  }
}

/** Identifiers in order: a run is the same every time. */
function counter(): Random {
  let count = 0
  return {
    next: () => (count++ % 97) / 97,
    id: () => (count++).toString(16).padStart(16, '0'),
  }
}
