/** Everything that one plan sets up, and what its actions do to it. The plans are those of the bare Raft cores (`../core/`). */
import { step as bullyStep } from '../../protocols/bully/step.ts'
import type { BullyMessage, Led } from '../../protocols/bully/types.ts'
import type { Configuration } from '../../protocols/quorum/types.ts'
import { CoreNetwork } from '../core/core-network.ts'
import { perfectQuality, type CoreAction, type CorePlan } from '../core/core-plan.ts'
import type { CoreLog } from '../core/core-surroundings.ts'
import type { Way } from '../plan.ts'
import { Scheduler } from '../scheduler.ts'
import { Stream } from '../streams.ts'
import type { Trace } from '../trace.ts'
import type { BullyCandidate } from './bully-candidate.ts'
import { BullyClaims } from './bully-claims.ts'
import { BullyMachine } from './bully-machine.ts'
import type { BullyStep, BullySurroundings } from './bully-surroundings.ts'

export interface BullyWorldOptions {
  readonly step?: BullyStep | undefined
  readonly log?: CoreLog | undefined
}

export class BullyWorld implements BullySurroundings {
  readonly plan: CorePlan
  readonly configuration: Configuration
  readonly preemptAfterMs: number | null
  readonly scheduler: Scheduler
  readonly network: CoreNetwork<BullyMessage>
  readonly machines: readonly BullyMachine[]
  readonly claims: BullyClaims
  readonly step: BullyStep
  readonly log: CoreLog | undefined
  readonly injected = new Map<string, number>()
  elections = 0
  readonly #electionsOf = new Map<string, number>()
  readonly #trace: Trace
  readonly #chance: Stream
  readonly #places: ReadonlyMap<string, number>
  #healed = false
  #holder: string
  /** Waited for and led by nobody some time after the faults: how often it was led by then. */
  #vacant: ReadonlyMap<string, number> | null = null

  constructor(plan: CorePlan, trace: Trace, options: BullyWorldOptions = {}) {
    this.plan = plan
    this.#trace = trace
    this.step = options.step ?? bullyStep
    this.log = options.log
    const ids = plan.peers.map(({ name }) => name)
    this.configuration = { voters: ids }
    this.#places = new Map(ids.map((id, place) => [id, place]))
    this.#holder = ids[0] ?? ''
    this.#chance = new Stream(`${plan.seed} bully world`)
    this.preemptAfterMs = this.#chance.pick([null, null, 20 * plan.timing.heartbeatMs])
    this.scheduler = new Scheduler(() => undefined, trace)
    this.claims = new BullyClaims({
      voters: ids.length,
      leaseMs: plan.timing.leaseMs,
      now: () => this.scheduler.now,
    })
    this.machines = plan.peers.map((peer, place) => new BullyMachine(this, place, peer))
    this.network = new CoreNetwork(
      this.scheduler,
      new Stream(`${plan.seed} bully network`),
      plan.quality,
      this.machines,
      (fault) => this.#tally(fault),
    )
    plan.peers.forEach((peer, place) => {
      this.scheduler.after(peer.startsAtMs, () => this.machines[place]?.start())
    })
    for (const action of plan.actions) this.scheduler.after(action.at, () => this.#apply(action))
    this.scheduler.after(plan.healAtMs, () => this.#heal())
    const { electionTimeoutMs, leaseMs } = plan.timing
    const judgedMs = Math.max(3 * electionTimeoutMs[1], 4 * leaseMs)
    this.scheduler.after(plan.simulatedMs - judgedMs, () => {
      this.#vacant = this.#vacancies()
    })
  }

  placeOf(id: string): number {
    return this.#places.get(id) ?? -1
  }

  elected(id: string, { plan, token }: BullyCandidate): void {
    this.elections += 1
    this.#electionsOf.set(plan.election, (this.#electionsOf.get(plan.election) ?? 0) + 1)
    this.#holder = id
    this.#trace.said(`${plan.candidate} leads ${plan.election} with ${token}`)
    this.log?.(id, `leads ${plan.election} with ${token}`)
  }

  observed(place: number, election: string, led: Led | null): void {
    this.log?.(this.machines[place]?.id ?? '', `sees ${led?.stand.of.id ?? 'nobody'} lead ${election}`)
  }

  // ---- what is done to them --------------------------------------------------------------------------------------------

  #apply(action: CoreAction): void {
    this.log?.('', action.type, action)
    if ('place' in action) return this.#call(action)
    switch (action.type) {
      case 'cut':
        return this.#cut(action.ways, action.forMs)
      case 'weather':
        this.network.quality = action.quality
        this.#tally('weather')
        this.scheduler.after(action.forMs, () => {
          if (!this.#healed) this.network.quality = this.plan.quality
        })
        return
      case 'accuse': {
        const about = this.#named(action.process)
        this.#tally('false evidence')
        for (const machine of this.machines) this.#evidence(machine, about)
        return
      }
      case 'raft-transfer':
      case 'read':
        return
      default: {
        const machine = this.machines[this.placeOf(this.#named(action.process))]
        if (machine !== undefined) this.#afflict(machine, action)
      }
    }
  }

  #afflict(
    machine: BullyMachine,
    action: Extract<CoreAction, { type: 'crash' | 'pause' | 'disk-slow' | 'evidence' }>,
  ): void {
    const { process } = machine
    switch (action.type) {
      case 'crash':
        if (machine.crash()) this.#crashed(machine, action.backAfterMs)
        return
      case 'pause':
        if (process === null) return
        this.#tally('pause')
        process.incarnation.freeze(this.scheduler.now + action.forMs)
        return
      case 'disk-slow':
        this.#tally('slow disk')
        machine.slowness = action.factor
        machine.slowUntil = Math.min(this.scheduler.now + action.forMs, this.plan.healAtMs)
        return
      case 'evidence':
        this.#tally('false evidence')
        this.#evidence(machine, this.#named(action.about))
        return
      default:
        action satisfies never
    }
  }

  #evidence({ id, process }: BullyMachine, about: string): void {
    if (id !== about && process !== null && !process.incarnation.frozen)
      process.feed({ type: 'evidence', peer: about })
  }

  #call(action: Extract<CoreAction, { place: number }>): void {
    const plan = this.plan.candidates[action.place]
    const process = this.machines[this.placeOf(plan?.process ?? '')]?.process
    if (plan === undefined || process == null || process.incarnation.frozen) return
    const candidate = process.candidates.find((one) => one.plan === plan)
    if (candidate === undefined) return
    this.#tally(`api ${action.type}`)
    if (action.type === 'transfer') candidate.transfer(this.#chance.pick(this.plan.candidates).candidate)
    else candidate[action.type]()
    process.settle()
  }

  /** Whoever is not cut off from the host hears its kernel refuse, soon. */
  #crashed(machine: BullyMachine, backAfterMs: number | null): void {
    this.#tally('crash')
    for (const other of this.machines) {
      if (other === machine || this.#chance.chance(0.3)) continue
      this.scheduler.after(this.#chance.between(0.5, 20), () => {
        if (machine.process === null && !this.network.isCut(machine.place, other.place))
          this.#evidence(other, machine.id)
      })
    }
    if (backAfterMs === null) return
    this.scheduler.after(backAfterMs, () => {
      if (!this.#healed || !this.plan.deadForEver.includes(machine.id)) machine.start()
    })
  }

  #cut(ways: readonly Way[], forMs: number | null): void {
    if (this.#healed) return
    this.#tally('cut')
    const routes = this.#routes(ways)
    for (const [from, to] of routes) this.network.cut(from, to, 1)
    if (forMs === null) return
    this.scheduler.after(forMs, () => {
      if (!this.#healed) for (const [from, to] of routes) this.network.cut(from, to, -1)
    })
  }

  #routes(ways: readonly Way[]): [from: number, to: number][] {
    const places = (name: string): number[] =>
      name === '*' ? this.machines.map(({ place }) => place) : [this.placeOf(this.#named(name))]
    return ways.flatMap(([from, to]) =>
      places(from).flatMap((one) =>
        places(to).flatMap((other) => (one === other ? [] : [[one, other] as [number, number]])),
      ),
    )
  }

  /** There is no leader of the cluster here: who led an election last stands for it. */
  #named(name: string): string {
    return name === '@raft' || name === '@holder' ? this.#holder : name
  }

  /** The core becomes whole; what the plan breaks for ever is broken from now on. */
  #heal(): void {
    this.network.mendAll()
    for (const [from, to] of this.#routes(this.plan.brokenWays)) this.network.cut(from, to, 1)
    this.#healed = true
    this.network.quality = perfectQuality
    for (const machine of this.machines) {
      machine.process?.incarnation.unfreeze()
      if (this.plan.deadForEver.includes(machine.id)) machine.crash()
      else machine.start()
    }
    this.log?.('', `the faults end; whole: ${this.plan.core.join(', ')}`)
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------

  /** Elections that somebody in the core waits for, and nobody leads, with how often they were led. */
  #vacancies(): Map<string, number> {
    const led = new Set(
      [...this.claims.leading].filter((one) => one.isValid()).map((one) => one.plan.election),
    )
    const vacant = new Map<string, number>()
    for (const { id, process } of this.machines) {
      if (process === null || !this.plan.core.includes(id)) continue
      for (const { plan, wants } of process.candidates)
        if (wants && !led.has(plan.election))
          vacant.set(plan.election, this.#electionsOf.get(plan.election) ?? 0)
    }
    return vacant
  }

  end(): void {
    if (!this.plan.isJudgedWhole || this.#vacant === null) return
    const vacant = this.#vacancies()
    for (const [election, elections] of this.#vacant) {
      this.claims.ensure(vacant.get(election) !== elections, 'vacancy-ends', () => {
        return `'${election}' is waited for and led by nobody, long after the faults and to the end`
      })
    }
    this.claims.evaluations['vacancy-ends'] += 1
  }

  #tally(fault: string): void {
    this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1)
  }
}
