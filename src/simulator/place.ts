/** One candidate in one election in one run of a process: an application that uses the public API, and tells what it sees. */
import type { Backend } from '../backends/backend.ts'
import { createElection, type Election } from '../election/election.ts'
import { HeldLeadership, type Leadership } from '../election/leadership.ts'
import type { ElectionState } from '../election/observe.ts'
import type { ObservedState } from '../cluster/messages.ts'
import { MandateError } from '../errors.ts'
import type { Timer } from '../seams/clock.ts'
import type { Incarnation } from './incarnation.ts'
import type { LiveLeadership } from './invariants/invariant.ts'
import type { Told } from './judge.ts'
import type { PlacePlan } from './plan.ts'
import type { ProcessClock } from './process-clock.ts'
import type { Stream } from './streams.ts'

/** What the place needs of the world around its process. */
export interface PlaceWorld {
  tell(told: Told): void
  /** Never the same twice in a run of the simulation. */
  nextAttempt(): number
  nextObserver(): number
  /** A leadership that checkers may look at, from now on. */
  leads(leadership: LiveLeadership): void
  lost(attempt: number): void
  /** A write on its way to the guarded resource, whatever becomes of the process. */
  write(attempt: number, election: string, token: bigint): void
  tally(call: string): void
  /** Faults have not ended yet. */
  afflicts(): boolean
}

export interface PlaceOptions {
  readonly plan: PlacePlan
  readonly process: Incarnation
  readonly clock: ProcessClock
  readonly chance: Stream
  readonly backend: Backend
  readonly world: PlaceWorld
}

/** Often enough to matter within a run. */
const HEALTH = { intervalMs: 150, timeoutMs: 100, failures: 2, successes: 2 } as const

interface Held {
  readonly attempt: number
  readonly leadership: Leadership
}

export class Place {
  readonly #options: PlaceOptions
  readonly #plan: PlacePlan
  #election: Election
  /** The campaign or `lead` under way, or the leadership that came of it. A `lead` that rests has no number. */
  #attempt: { number: number | null; readonly stop: AbortController } | null = null
  #held: Held | null = null
  #observing: AbortController | null = null
  #again: Timer | null = null
  /** Its election is closed: it calls nothing until there is another one. */
  #closed = false
  #over = false
  #ill = false

  constructor(options: PlaceOptions) {
    this.#options = options
    this.#plan = options.plan
    this.#election = this.#create()
  }

  get name(): { readonly candidate: string; readonly election: string } {
    return this.#plan
  }

  start(): void {
    if (this.#plan.observes) this.observe()
    if (this.#plan.campaigns !== null) this.#later(0.2)
  }

  /** The process stops: nothing is begun any more. */
  end(): void {
    this.#over = true
    this.#again?.cancel()
  }

  // ---- what the application calls --------------------------------------------------------------------------------

  campaign(): void {
    if (this.#attempt !== null || this.#rests) return
    this.#again?.cancel()
    const stop = new AbortController()
    const number = this.#begin()
    this.#attempt = { number, stop }
    this.#election.campaign({ signal: stop.signal }).then(
      (leadership) => this.#elected(number, leadership),
      (error: unknown) => this.#ended(number, codeOf(error)),
    )
  }

  lead(): void {
    if (this.#attempt !== null || this.#rests) return
    this.#again?.cancel()
    const { chance } = this.#options
    const stop = new AbortController()
    const attempt: { number: number | null; readonly stop: AbortController } = { number: this.#begin(), stop }
    this.#attempt = attempt
    const work = (leadership: Leadership): Promise<string> => {
      this.#elected(attempt.number ?? this.#begin(), leadership, () => (attempt.number = null))
      return this.#workUntilStopped(leadership)
    }
    const onError = (): 'retry' | 'stop' => (chance.chance(0.5) ? 'retry' : 'stop')
    const ended = (code: string): void => {
      if (attempt.number !== null) this.#ended(attempt.number, code)
      else if (this.#attempt === attempt) this.#rest()
    }
    this.#election.lead(work, { signal: stop.signal, onError }).then(
      (value) => {
        if (value === undefined && !this.#rests && this.#attempt === attempt && !stop.signal.aborted) {
          this.#tell({ type: 'failed', during: 'lead(), which nobody ended', error: 'it resolved' })
        }
        ended('DONE')
      },
      (error: unknown) => ended(codeOf(error)),
    )
  }

  /** A candidacy begins: that of a `lead` which has rested. */
  stands(): void {
    if (this.#attempt !== null && this.#attempt.number === null) this.#attempt.number = this.#begin()
  }

  /** Work that heeds its signal, mostly; that ends by itself, perhaps with an error. */
  #workUntilStopped(leadership: Leadership): Promise<string> {
    const { chance, clock } = this.#options
    const { holdsMs } = this.#plan
    return new Promise((resolve, reject) => {
      const obedient = chance.chance(0.8)
      const settle = (): void => {
        if (chance.chance(0.3)) reject(new Error('the work failed'))
        else resolve('done')
      }
      leadership.signal.addEventListener('abort', () => obedient && resolve('stopped'), { once: true })
      if (holdsMs !== null || !obedient) clock.setTimer(chance.between(...(holdsMs ?? [1000, 5000])), settle)
    })
  }

  cancel(): void {
    const attempt = this.#attempt
    if (attempt === null) return
    if (this.#held === null && attempt.number !== null)
      this.#tell({ type: 'cancel', attempt: attempt.number })
    this.#options.world.tally('cancel')
    attempt.stop.abort(new Error('the application thought better of it'))
  }

  resign(): void {
    const held = this.#held
    if (held === null) return
    this.#options.world.tally('resign')
    this.#tell({ type: 'resign', attempt: held.attempt })
    this.#settles(held.leadership.resign(), () => ({
      type: 'resigned',
      attempt: held.attempt,
      outcome: 'done',
    }))
  }

  transfer(to: string): void {
    const held = this.#held
    if (held === null) return
    this.#options.world.tally('transfer')
    const { attempt } = held
    this.#tell({ type: 'transfer', attempt })
    held.leadership.transfer(to).then(
      (outcome) => this.#tell({ type: 'transferred', attempt, outcome }),
      (error: unknown) => this.#tell({ type: 'transferred', attempt, outcome: codeOf(error) }),
    )
  }

  proclaim(): void {
    const held = this.#held
    if (held === null) return
    this.#options.world.tally('proclaim')
    const { attempt } = held
    this.#tell({ type: 'proclaim', attempt })
    held.leadership.proclaim({ said: `${attempt}` }).then(
      (outcome) => this.#tell({ type: 'proclaimed', attempt, outcome }),
      (error: unknown) => this.#tell({ type: 'proclaimed', attempt, outcome: codeOf(error) }),
    )
  }

  observe(): void {
    if (this.#observing !== null || this.#rests) return
    this.#options.world.tally('observe')
    const stop = (this.#observing = new AbortController())
    const observer = this.#options.world.nextObserver()
    void this.#read(observer, stop.signal).finally(() => {
      if (this.#observing === stop) this.#observing = null
    })
  }

  unobserve(): void {
    this.#observing?.abort()
  }

  /** Another `Election` object takes the place of this one, which may still be closing. */
  recreate(): void {
    if (this.#over) return
    this.#options.world.tally('recreate')
    if (!this.#closed) this.#closeElection()
    this.#closed = false
    this.#election = this.#create()
    this.start()
  }

  close(): void {
    if (this.#over || this.#closed) return
    this.#options.world.tally('close')
    this.#closeElection()
  }

  #closeElection(): void {
    const election = this.#options.world.nextAttempt()
    this.#closed = true
    this.#again?.cancel()
    this.#attempt = null
    this.#held = null
    this.#observing = null
    this.#tell({ type: 'close-election', election })
    this.#settles(this.#election.close(), () => ({ type: 'election-closed', election }))
  }

  get #rests(): boolean {
    return this.#over || this.#closed
  }

  // ---- what comes of it -------------------------------------------------------------------------------------------

  #create(): Election {
    const { plan, backend } = this.#options
    return createElection({
      name: plan.election,
      backend,
      exclusivity: plan.exclusivity,
      candidate: {
        id: plan.candidate,
        priority: plan.priority,
        metadata: { process: plan.process },
        health: plan.ails ? { check: () => this.#check(), ...HEALTH } : undefined,
      },
    })
  }

  /** Falls ill one time in ten, and gets well one time in four. */
  #check(): void {
    const { chance, world } = this.#options
    const wasIll = this.#ill
    this.#ill = world.afflicts() && chance.chance(this.#ill ? 0.75 : 0.1)
    if (this.#ill && !wasIll) world.tally('illness')
    if (this.#ill) throw new Error('the application is ill')
  }

  #begin(): number {
    const { candidate, election, exclusivity } = this.#plan
    const attempt = this.#options.world.nextAttempt()
    this.#options.world.tally('campaign')
    this.#tell({ type: 'campaign', attempt, candidate, election, exclusivity })
    return attempt
  }

  /** `lost` is called after the loss was told. */
  #elected(attempt: number, leadership: Leadership, lost?: () => void): void {
    const { process, clock, world, chance } = this.#options
    if (!process.alive) return
    const mine = this.#attempt?.number === attempt
    const held = { attempt, leadership }
    if (mine) this.#held = held
    const { candidate, election, exclusivity } = this.#plan
    const { token } = leadership
    world.leads({
      attempt,
      process: process.process,
      candidate,
      election,
      exclusivity,
      token,
      isValid: () =>
        clock.inspect(() =>
          leadership instanceof HeldLeadership ? leadership.seemsValid() : leadership.isValid(),
        ),
    })
    this.#tell({ type: 'elected', attempt, token, valid: leadership.isValid() })
    const aborted = (): void => this.#tell({ type: 'aborted', attempt, valid: leadership.isValid() })
    if (leadership.signal.aborted) aborted()
    else leadership.signal.addEventListener('abort', aborted, { once: true })
    void leadership.lost.then((reason) => {
      if (!process.alive) return
      world.lost(attempt)
      this.#tell({ type: 'lost', attempt, reason, aborted: leadership.signal.aborted })
      if (this.#held === held) this.#held = null
      if (lost !== undefined) lost()
      else this.#ended(attempt, null)
    })
    this.#work(held)
    if (this.#plan.holdsMs !== null && lost === undefined) {
      clock.setTimer(chance.between(...this.#plan.holdsMs), () => {
        if (this.#held === held) this.resign()
      })
    }
  }

  /** Checks, then writes, as often as the plan says: also when it was told that it leads no more, as a sloppy program may. */
  #work(held: Held): void {
    const { clock, world } = this.#options
    const { attempt, leadership } = held
    clock.setTimer(this.#plan.worksMs, () => {
      const valid = leadership.isValid()
      this.#tell({ type: 'checked', attempt, valid })
      if (!valid) return
      world.write(attempt, this.#plan.election, leadership.token)
      this.#work(held)
    })
  }

  /** The campaign is over; `code` null: it was won, and that is over too. */
  #ended(attempt: number, code: string | null): void {
    if (!this.#options.process.alive) return
    if (code !== null) this.#tell({ type: 'not-elected', attempt, code })
    if (this.#attempt?.number === attempt) this.#rest()
  }

  #rest(): void {
    this.#attempt = null
    if (this.#plan.campaigns !== null) this.#later(1)
  }

  #later(part: number): void {
    const { clock, chance } = this.#options
    if (this.#rests) return
    this.#again?.cancel()
    this.#again = clock.setTimer(chance.between(...this.#plan.restsMs) * part, () => {
      if (this.#plan.campaigns === 'lead') this.lead()
      else this.campaign()
    })
  }

  async #read(observer: number, signal: AbortSignal): Promise<void> {
    try {
      for await (const state of this.#election.observe({ signal })) {
        this.#tell({ type: 'observed', observer, election: this.#plan.election, state: observed(state) })
      }
    } catch (error) {
      if (codeOf(error) !== 'CLOSED') throw error
    } finally {
      this.#tell({ type: 'unobserved', observer })
    }
  }

  #settles(promise: Promise<unknown>, told?: () => Told): void {
    promise.then(
      () => {
        if (told !== undefined) this.#tell(told())
      },
      (error: unknown) => this.#tell({ type: 'failed', during: 'a call that never rejects', error }),
    )
  }

  #tell(told: Told): void {
    this.#options.world.tell(told)
  }
}

function codeOf(error: unknown): string {
  return error instanceof MandateError ? error.code : String(error)
}

function observed(state: ElectionState): ObservedState {
  switch (state.type) {
    case 'led': {
      const { id, token, metadata } = state.leader
      return { is: 'led', id, token, metadata }
    }
    case 'vacant':
      return { is: 'vacant' }
    case 'unknown':
      return { is: 'unknown', reason: String(state.cause) }
    default:
      return state satisfies never
  }
}
