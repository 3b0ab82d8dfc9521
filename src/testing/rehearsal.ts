import type { Backend, BackgroundFailure, LeaseTiming, LossReason } from '../backends/backend.ts'
import { memory, memorySpace } from '../backends/memory.ts'
import type { MemorySpace } from '../backends/memory.ts'
import { createElection } from '../election/election.ts'
import type { Election } from '../election/election.ts'
import type { Leadership } from '../election/leadership.ts'
import type { ElectionOptions } from '../election/options.ts'
import { MandateError } from '../errors.ts'
import { leaderHistory } from './leader-history.ts'
import type { LeaderHistory } from './leader-history.ts'
import { manualClock } from './manual-clock.ts'
import type { ManualClock } from './manual-clock.ts'
import { seededRandom } from './seeded-random.ts'

export interface RehearsalOptions {
  /** @default 1000 */
  readonly leaseMs?: number | undefined
  /** Of the jitter of retries: the same seed, the same rehearsal. @default 1 */
  readonly seed?: number | undefined
}

/**
 * How a leadership can be taken away, named by the reason that its `lost` will tell.
 *
 * - `expired`: a black hole swallows renewals until the deadline
 * - `suspended`: the machine sleeps for a lease
 * - `revoked`: an operator takes it
 * - `session-lost`: the arbiter forgets the session
 * - `superseded`: there is evidence of death; token mode only
 */
export type ForcedLoss = Extract<
  LossReason,
  'expired' | 'suspended' | 'revoked' | 'session-lost' | 'superseded'
>

/** One process of the rehearsal, with a clock of its own and a connection of its own to the arbiter. */
export interface RehearsedProcess {
  readonly id: string
  /** On the same true time as all others; its `rate` may be changed. */
  readonly clock: ManualClock
  /** For code that makes its elections itself; `history` then sees what it is told to watch. */
  readonly backend: Backend
  /** What failed in the background. */
  readonly failures: readonly BackgroundFailure[]
  /** An election with this process as candidate, watched by the history. */
  election(name: string, options?: Omit<Partial<ElectionOptions>, 'backend' | 'name'>): Election
  /** Nothing gets through, in either direction, until `isHeard()`: it believes that it leads until its deadline. */
  blackHole(): void
  isHeard(): void
  /**
   * kill -9, as the others see it: nothing of it is heard again, and the arbiter has evidence of its death. Does not stop
   * its code here, which runs on until its deadline, as that of a process would that only lost its network.
   */
  crashes(): void
  /** Its event loop is blocked for so long, in ms; then timers run late, and before the packets that wait. */
  stalls(ms: number): Promise<void>
  /** Its machine sleeps for so long, in ms. */
  suspends(ms: number): Promise<void>
  /**
   * Takes the leadership of `election` away from it, and lets time pass until it was told.
   * @throws NOT_LEADER, INTERNAL if the reason was another one
   */
  loses(election: string, reason: ForcedLoss): Promise<void>
}

/**
 * A stage for an application's own leader code: several processes in one test, an arbiter in memory, and time that passes
 * only when it is told to. Not a proof about a cluster: networks and disks have no part in it.
 */
export interface Rehearsal {
  readonly clock: ManualClock
  readonly space: MemorySpace
  readonly history: LeaderHistory
  process(id: string): RehearsedProcess
  /** Lets time pass, in ms, with all that happens meanwhile. */
  passes(ms: number): Promise<void>
  /**
   * Lets time pass until `condition` holds.
   * @throws TIMEOUT after `withinMs` (default 60000) of the rehearsal's time
   */
  until(condition: () => boolean, withinMs?: number): Promise<void>
  /** Lets time pass until `promise` settles, and settles as it does. @throws TIMEOUT */
  run<T>(promise: PromiseLike<T>, withinMs?: number): Promise<T>
  /**
   * Takes the leadership of `election` away from whoever has it, `times` in a row, each `everyMs` after somebody was
   * elected again.
   */
  flaps(election: string, o: { readonly times: number; readonly everyMs: number }): Promise<void>
}

const stepMs = 5
const patienceMs = 60_000

export function rehearsal(options: RehearsalOptions = {}): Rehearsal {
  return new MemoryRehearsal(options)
}

class MemoryRehearsal implements Rehearsal {
  readonly clock = manualClock()
  readonly space: MemorySpace
  readonly history = leaderHistory({ now: () => this.clock.trueMs() })
  readonly #leaseMs: number
  readonly #random: ReturnType<typeof seededRandom>

  constructor({ leaseMs = 1000, seed = 1 }: RehearsalOptions) {
    this.#leaseMs = leaseMs
    this.#random = seededRandom(seed)
    this.space = memorySpace({ clock: this.clock, random: this.#random })
  }

  process(id: string): RehearsedProcess {
    const timing = { leaseMs: this.#leaseMs }
    return new MemoryProcess(id, this, { timing, random: this.#random })
  }

  passes(ms: number): Promise<void> {
    return this.clock.advanceAsync(ms)
  }

  async until(condition: () => boolean, withinMs = patienceMs): Promise<void> {
    const end = this.clock.trueMs() + withinMs
    await this.clock.advanceAsync(0)
    while (!condition()) {
      if (this.clock.trueMs() >= end) throw this.#tookTooLong(withinMs)
      await this.clock.advanceAsync(Math.min(stepMs, end - this.clock.trueMs()))
    }
  }

  async run<T>(promise: PromiseLike<T>, withinMs = patienceMs): Promise<T> {
    const progress = { isSettled: false }
    const settled = (): void => void (progress.isSettled = true)
    promise.then(settled, settled)
    await this.until(() => progress.isSettled, withinMs)
    return promise
  }

  async flaps(election: string, { times, everyMs }: { times: number; everyMs: number }): Promise<void> {
    for (let time = 1; time <= times; time++) {
      // Somebody who crashed, or is not heard, may still be told that it leads; it is not who has the election.
      const leader = (): Leadership | undefined =>
        this.history.leading(election).findLast((leadership) => leadership.isValid())
      await this.until(() => leader() !== undefined)
      await this.passes(everyMs)
      const leadership = leader()
      if (leadership === undefined) continue
      this.history.note(`${election} flaps, ${time} of ${times}`)
      this.space.revoke(election)
      await this.run(leadership.lost)
    }
  }

  #tookTooLong(afterMs: number): MandateError<'TIMEOUT'> {
    const message = `What the rehearsal waits for did not happen within ${afterMs} ms of its time.\n\n${String(this.history)}`
    return new MandateError('TIMEOUT', message, { afterMs })
  }
}

class MemoryProcess implements RehearsedProcess {
  readonly id: string
  readonly clock: ManualClock
  readonly backend: Backend
  readonly failures: BackgroundFailure[] = []
  readonly #stage: Rehearsal

  constructor(
    id: string,
    stage: Rehearsal,
    {
      timing,
      random,
    }: { readonly timing: Partial<LeaseTiming>; readonly random: ReturnType<typeof seededRandom> },
  ) {
    this.id = id
    this.#stage = stage
    this.clock = stage.clock.sibling()
    this.backend = memory({
      space: stage.space,
      clock: this.clock,
      random,
      timing,
      candidateId: id,
      onBackgroundFailure: (failure) => void this.failures.push(failure),
    })
  }

  election(name: string, options: Omit<Partial<ElectionOptions>, 'backend' | 'name'> = {}): Election {
    return this.#stage.history.watch(createElection({ ...options, name, backend: this.backend }))
  }

  blackHole(): void {
    this.#note('is in a black hole')
    this.#stage.space.cut(this.backend)
  }

  isHeard(): void {
    this.#note('is heard again')
    this.#stage.space.heal(this.backend)
  }

  crashes(): void {
    this.#note('crashes')
    this.#stage.space.kill(this.backend)
  }

  stalls(ms: number): Promise<void> {
    this.#note(`stalls for ${ms} ms`)
    return this.clock.stallAsync(ms)
  }

  suspends(ms: number): Promise<void> {
    this.#note(`is suspended for ${ms} ms`)
    return this.clock.suspendAsync(ms)
  }

  async loses(election: string, reason: ForcedLoss): Promise<void> {
    const leadership = this.#leadershipOf(election)
    await this.#force(leadership, reason)
    const told = await this.#stage.run(leadership.lost)
    if (told === reason) return
    const message = `${this.id} lost '${election}' by '${told}', not by '${reason}'`
    throw new MandateError('INTERNAL', message, { reason: message })
  }

  async #force(
    { electionName, candidateId, exclusivity, lost }: Leadership,
    reason: ForcedLoss,
  ): Promise<void> {
    const { space } = this.#stage
    this.#note(`is about to lose ${electionName}: ${reason}`)
    switch (reason) {
      case 'expired':
        space.cut(this.backend)
        await this.#stage.run(lost)
        space.heal(this.backend)
        return
      case 'suspended':
        return this.clock.suspendAsync(this.backend.timing.leaseMs)
      case 'revoked':
        space.revoke(electionName)
        return
      case 'session-lost':
        space.loseSession(candidateId)
        return
      case 'superseded':
        if (exclusivity === 'token') return space.evidence(candidateId)
        throw new MandateError(
          'INVALID_OPTIONS',
          `'${electionName}' is in time mode, where evidence of death frees nothing: use 'expired'`,
          { option: 'reason', value: reason },
        )
      default:
        reason satisfies never
    }
  }

  #leadershipOf(election: string): Leadership {
    const held = this.#stage.history.leading(election)
    const own = held.find(({ candidateId }) => candidateId === this.id)
    if (own !== undefined) return own
    const leader = held[0]?.candidateId
    const who = leader === undefined ? 'nobody does that the history knows of' : `${leader} does`
    throw new MandateError('NOT_LEADER', `${this.id} does not lead '${election}', ${who}`, { election })
  }

  #note(text: string): void {
    this.#stage.history.note(`${this.id} ${text}`)
  }
}
