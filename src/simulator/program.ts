/** What runs in a process: a backend over the simulated seams, and the places that use it. */
import { defineBackend } from '../backends/define-backend.ts'
import { RaftDriver } from '../backends/raft-driver.ts'
import type { Backend, BackgroundFailure } from '../backends/backend.ts'
import type { PeerOptions } from '../cluster/peer-options.ts'
import { MandateError } from '../errors.ts'
import type { Disk } from './disk.ts'
import type { Incarnation } from './incarnation.ts'
import type { Judge, Told } from './judge.ts'
import type { Network } from './network.ts'
import { Place, type PlaceWorld } from './place.ts'
import type { Plan, PlacePlan, ProcessPlan } from './plan.ts'
import type { ProcessClock } from './process-clock.ts'
import { Stream } from './streams.ts'
import { clientConnector, SimulatedTransport } from './transport.ts'

export const CLUSTER = 'simulated'

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
    const { plan, machine, process, clock } = options
    this.#options = options
    const peers = Object.fromEntries(
      plan.processes.filter(({ isPeer }) => isPeer).map(({ name }) => [name, name]),
    )
    const random = new Stream(`${plan.seed} process ${process.process} ${process.run}`)
    const edges = {
      peer: machine.isPeer ? this.#peerEdges(Object.keys(peers)) : null,
      connectClient: clientConnector(options.network, process, CLUSTER),
    }
    const { timing, tokenBase, logBytesMax } = plan
    this.backend = defineBackend(
      (env) =>
        new RaftDriver(
          { peers, cluster: CLUSTER, timing, tuning: machine.tuning, tokenBase, logBytesMax },
          edges,
          env,
        ),
      {
        timing,
        clock,
        random,
        defaultCandidateId: process.process,
        onBackgroundFailure: (failure) => this.#failed(failure),
      },
    )
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

  #peerEdges(peers: readonly string[]): Pick<PeerOptions, 'self' | 'storage' | 'transport' | 'tap'> {
    const { plan, process, clock, network, judge, disk, tally } = this.#options
    if (disk === null) throw new Error(`${process.process} is a peer without a disk`)
    const chance = new Stream(`${plan.seed} links ${process.process} ${process.run}`)
    const { process: name, run } = process
    return {
      self: process.process,
      storage: disk.storage(process, {
        appended: (batch, records) => this.#tell({ type: 'appended', batch, records }),
        durable: (batch) => this.#tell({ type: 'durable', batch }),
        recovered: (incarnation, records) => this.#tell({ type: 'recovered', incarnation, records }),
      }),
      transport: (identity) =>
        new SimulatedTransport({
          network,
          process,
          clock,
          chance,
          peers,
          identity,
          cluster: CLUSTER,
          heartbeatMs: plan.timing.heartbeatMs,
          encoded: plan.encoded,
          tap: {
            sent: (to, message) =>
              process.act(() => {
                if (process.alive) judge.sent(network.scheduler.now, name, run, to, message)
              }),
            received: (from, message) =>
              process.act(() => {
                if (process.alive) judge.received(network.scheduler.now, name, run, from, message)
              }),
            rejected: () => tally('peer turned away'),
            refused: (peer) => this.#tell({ type: 'evidence', against: peer }),
          },
        }),
      tap: {
        committed: (entries) => this.#tell({ type: 'committed', entries }),
        led: (term) => this.#tell({ type: 'led', term }),
      },
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
