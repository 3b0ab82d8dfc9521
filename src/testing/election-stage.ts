import type {
  Backend,
  BackendDriver,
  BackgroundFailure,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  Metadata,
  ObserveEvents,
  Renewal,
  Session,
} from '../backends/backend.ts'
import { defineBackend } from '../backends/define-backend.ts'
import { memory, memorySpace } from '../backends/memory.ts'
import type { MemorySpace } from '../backends/memory.ts'
import { memoryFacts } from '../backends/memory/driver.ts'
import { createElection } from '../election/election.ts'
import type { Election } from '../election/election.ts'
import type { ElectionOptions } from '../election/options.ts'
import type { Random } from '../seams/random.ts'
import { manualClock } from './manual-clock.ts'
import type { ManualClock } from './manual-clock.ts'

const STEP_MS = 10

/** Elections on virtual time: the arbiter on one clock, each process on one of its own. */
export class ElectionStage {
  readonly clock: ManualClock = manualClock()
  readonly space: MemorySpace = memorySpace({ clock: this.clock, random: countingRandom() })
  readonly reports: BackgroundFailure[] = []
  readonly #clocks = new Map<Backend, ManualClock>()

  /** A process of its own. */
  process(id: string, leaseMs = 1000): Backend {
    const clock = this.clock.sibling()
    const backend = memory({
      space: this.space,
      clock,
      candidateId: id,
      timing: { leaseMs },
      onBackgroundFailure: (failure) => void this.reports.push(failure),
    })
    this.#clocks.set(backend, clock)
    return backend
  }

  clockOf(backend: Backend): ManualClock {
    return this.#clocks.get(backend) ?? this.clock
  }

  election(id: string, options: Partial<ElectionOptions> = {}): Election {
    return createElection({ name: 'billing', backend: this.process(id), ...options })
  }

  /** Timers and packets on their way of every process, the arbiter's not. */
  pendingTimers(): number {
    return [...this.#clocks.values()].reduce((sum, clock) => sum + clock.pendingTimers(), 0)
  }

  /** Lets time pass until `promise` settles, and settles as it does. */
  run<T>(promise: PromiseLike<T>, withinMs = 30_000): Promise<T> {
    return settle(this.clock, promise, withinMs)
  }

  async pass(ms: number): Promise<void> {
    await this.clock.advanceAsync(ms)
  }
}

/** Steps `clock` until `promise` settles. */
export async function settle<T>(clock: ManualClock, promise: PromiseLike<T>, withinMs = 30_000): Promise<T> {
  const end = clock.trueMs() + withinMs
  const progress = { settled: false }
  const done = (): void => void (progress.settled = true)
  promise.then(done, done)
  await clock.advanceAsync(0)
  while (!progress.settled) {
    if (clock.trueMs() >= end) throw new Error(`not settled within ${withinMs} ms`)
    await clock.advanceAsync(STEP_MS)
  }
  return promise
}

export function countingRandom(): Random {
  let drawn = 0
  return {
    next: () => {
      drawn++
      return (drawn % 10) / 10
    },
    id: () => {
      drawn++
      return drawn.toString(16).padStart(16, '0')
    },
  }
}

/** One candidacy whose backend is the test. */
export class ScriptedCandidacy implements Candidacy {
  readonly request: CandidacyRequest
  readonly on: CandidacyEvents
  readonly calls: string[] = []
  /** What `leave` answers; a test may hold it back. */
  leaves: () => Promise<'left' | 'was-not-holder' | 'unknown'> = () => Promise.resolve('left')
  transfers: () => Promise<'done' | 'refused' | 'unknown'> = () => Promise.resolve('refused')
  readonly #clock: ManualClock

  constructor(request: CandidacyRequest, on: CandidacyEvents, clock: ManualClock) {
    this.request = request
    this.on = on
    this.#clock = clock
  }

  win(token: bigint, renewal: Renewal = this.renewal()): void {
    this.on.won({ token, renewal })
  }

  /** One that is sent now, for a lease of 1000 ms. */
  renewal(grantedMs = 1000): Renewal {
    return { sentAt: this.#clock.upper(), grantedMs }
  }

  leave(): Promise<'left' | 'was-not-holder' | 'unknown'> {
    this.calls.push('leave')
    return this.leaves()
  }

  transfer(to: string): Promise<'done' | 'refused' | 'unknown'> {
    this.calls.push(`transfer ${to}`)
    return this.transfers()
  }

  proclaim(metadata: Metadata): Promise<'done' | 'was-not-holder' | 'unknown'> {
    this.calls.push(`proclaim ${JSON.stringify(metadata)}`)
    return Promise.resolve('done')
  }
}

/** A backend that does nothing by itself: the test says what its arbiter says. */
export class ScriptedArbiter {
  readonly clock: ManualClock = manualClock()
  readonly reports: BackgroundFailure[] = []
  readonly candidacies: ScriptedCandidacy[] = []
  readonly observers: ObserveEvents[] = []
  readonly sessions: string[] = []
  readonly backend: Backend
  /** Thrown by the next opens, first come. */
  readonly failures: unknown[] = []
  /** Tells the renewals of a session as a whole, if it was made so. */
  renewAll: ((renewal: Renewal) => void) | undefined
  readonly #tellsTogether: boolean

  constructor(facts: Partial<BackendDriver['facts']> = {}, o: { readonly tellsTogether?: boolean } = {}) {
    this.#tellsTogether = o.tellsTogether ?? false
    this.backend = defineBackend(() => this.#driver({ ...memoryFacts, ...facts }), {
      clock: this.clock,
      random: countingRandom(),
      onBackgroundFailure: (failure) => void this.reports.push(failure),
      timing: { leaseMs: 1000, maxClockDrift: 0.001, tickMs: 1 },
      defaultCandidateId: 'me',
    })
  }

  /** The newest candidacy. */
  get candidacy(): ScriptedCandidacy {
    const newest = this.candidacies.at(-1)
    if (newest === undefined) throw new Error('nobody stands')
    return newest
  }

  #driver(facts: BackendDriver['facts']): BackendDriver {
    return {
      facts,
      open: () =>
        this.failures.length > 0 ? Promise.reject(this.failures.shift()) : Promise.resolve(this.#session()),
      openObserver: () =>
        this.failures.length > 0
          ? Promise.reject(this.failures.shift())
          : Promise.resolve({
              scope: 'scripted',
              observe: (_election, on) => this.#observe(on),
              close: () => Promise.resolve(),
            }),
    }
  }

  #session(): Session {
    this.sessions.push('open')
    return {
      scope: 'scripted',
      enter: (request, on) => {
        const candidacy = new ScriptedCandidacy(request, on, this.clock)
        this.candidacies.push(candidacy)
        return candidacy
      },
      observe: (_election, on) => this.#observe(on),
      close: () => {
        this.sessions.push('close')
        return Promise.resolve()
      },
      ...(this.#tellsTogether ? { onRenewed: (told) => void (this.renewAll = told) } : {}),
    }
  }

  #observe(on: ObserveEvents): { close(): void } {
    this.observers.push(on)
    return { close: () => void this.observers.splice(this.observers.indexOf(on), 1) }
  }
}
