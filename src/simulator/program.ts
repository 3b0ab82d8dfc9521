/** What runs in a process: a backend over the simulated seams, and the places that use it. */
import { defineBackend } from '../backends/define-backend.ts'
import type { Backend, BackgroundFailure } from '../backends/backend.ts'
import { MandateError } from '../errors.ts'
import type { Disk } from './disk.ts'
import { driverOver, type Seams } from './engines.ts'
import type { Incarnation } from './incarnation.ts'
import type { Judge, Told } from './judge.ts'
import type { Network } from './network.ts'
import { Place, type PlaceWorld } from './place.ts'
import type { Plan, PlacePlan, ProcessPlan } from './plan.ts'
import type { ProcessClock } from './process-clock.ts'
import { Stream } from './streams.ts'

export interface ProgramOptions {
  readonly plan: Plan
  readonly machine: ProcessPlan
  readonly process: Incarnation
  readonly clock: ProcessClock
  readonly network: Network
  /** Of a peer. */
  readonly disk: Disk | null
  readonly judge: Judge
  readonly world: PlaceWorld
  readonly tally: (fault: string) => void
  /** The program can go on no more: its peer stopped by itself, or its folder was refused for good. */
  over(why: 'failed' | 'refused'): void
}

/** Failures that no fault explains. */
const neverDuring = /step of the protocol|delivery|message of peer|onBackgroundFailure/

export class Program {
  readonly backend: Backend
  readonly #options: ProgramOptions
  /** By index in the plan. */
  readonly #places = new Map<number, Place>()
  #stopping = false

  constructor(options: ProgramOptions) {
    const { plan, process, clock } = options
    this.#options = options
    const random = new Stream(`${plan.seed} process ${process.process} ${process.run}`)
    const seams = this.#seams()
    const { timing } = plan
    this.backend = defineBackend((env) => driverOver(seams, env), {
      timing,
      clock,
      random,
      defaultCandidateId: process.process,
      onBackgroundFailure: (failure) => this.#failed(failure),
    })
    plan.places.forEach((place, index) => {
      if (place.process === process.process) this.#places.set(index, this.#place(index, place))
    })
  }

  place(index: number): Place | undefined {
    return this.#places.get(index)
  }

  /** A candidacy of this process begins. */
  stands(candidate: string, election: string): void {
    for (const place of this.#places.values()) {
      if (place.name.candidate === candidate && place.name.election === election) place.stands()
    }
  }

  start(): void {
    const { process } = this.#options
    this.backend.start().then(
      () => {
        if (process.alive && !this.#stopping) for (const place of this.#places.values()) place.start()
      },
      (error: unknown) => {
        if (!process.alive || this.#stopping) return
        const code = error instanceof MandateError ? error.code : String(error)
        this.#tell({ type: 'refused', code })
        this.#options.over(code === 'DATA_CORRUPT' ? 'refused' : 'failed')
      },
    )
  }

  /** As a program does that is told to stop. Resolves when all is closed. */
  async stop(): Promise<void> {
    this.#stopping = true
    const candidates = new Set<string>()
    for (const [index, place] of this.#places) {
      place.end()
      candidates.add(this.#options.plan.places[index]?.candidate ?? '')
    }
    for (const candidate of candidates) this.#tell({ type: 'close', candidate })
    await this.backend.close()
    for (const candidate of candidates) this.#tell({ type: 'closed', candidate })
  }

  #place(index: number, plan: PlacePlan): Place {
    const { process, clock, world, plan: whole } = this.#options
    const chance = new Stream(`${whole.seed} place ${index} ${process.run}`)
    return new Place({ plan, process, clock, chance, backend: this.backend, world })
  }

  #seams(): Seams {
    const { plan, machine, process, clock, network, judge, disk, tally } = this.#options
    const { process: name, run } = process
    const act = (tell: () => void): void =>
      process.act(() => {
        if (process.alive) tell()
      })
    return {
      plan,
      machine,
      process,
      clock,
      network,
      chance: new Stream(`${plan.seed} links ${name} ${run}`),
      storage:
        disk?.storage(process, {
          appended: (batch, records) => this.#tell({ type: 'appended', batch, records }),
          durable: (batch) => this.#tell({ type: 'durable', batch }),
          recovered: (incarnation, records) => this.#tell({ type: 'recovered', incarnation, records }),
        }) ?? null,
      tap: {
        sent: (to, message) => act(() => judge.sent(network.scheduler.now, name, run, to, message)),
        received: (from, message) =>
          act(() => judge.received(network.scheduler.now, name, run, from, message)),
        rejected: () => tally('peer turned away'),
        refused: (peer) => this.#tell({ type: 'evidence', against: peer }),
      },
      tell: (told) => this.#tell(told),
    }
  }

  #failed({ during, error }: BackgroundFailure): void {
    if (neverDuring.test(during)) this.#tell({ type: 'failed', during, error })
    // The peer of this process has stopped for good: whoever runs the program starts it again.
    if (during === 'writing the log' || during === 'a step of the protocol') this.#options.over('failed')
  }

  #tell(told: Told): void {
    this.#options.world.tell(told)
  }
}
