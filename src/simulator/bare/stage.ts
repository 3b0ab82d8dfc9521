/** What one plan sets up for the bare cores of any protocol, and what its actions do to them: one event after the other. */
import { CoreNetwork, type Receiver } from '../core/core-network.ts'
import { perfectQuality, type CandidatePlan, type CoreAction, type CorePlan } from '../core/core-plan.ts'
import type { Incarnation } from '../incarnation.ts'
import type { Way } from '../plan.ts'
import { Scheduler } from '../scheduler.ts'
import { Stream } from '../streams.ts'
import type { Trace } from '../trace.ts'
import type { BareLog, Surroundings } from './surroundings.ts'

interface StagedMachine<Letter> extends Receiver<Letter> {
  readonly id: string
  readonly place: number
  readonly run: number
  readonly process: { readonly incarnation: Incarnation } | null
  slowUntil: number
  slowness: number
  start(): boolean
  crash(): boolean
}

/** One life of a process. */
export interface Life {
  readonly id: string
  readonly run: number
}

/** What differs from protocol to protocol. */
export interface StageParts<Machine> {
  /** The machine whose process leads the cluster, where there is such a thing; else who was elected last stands for it. */
  clusterLeader?(): string
  started?(machine: Machine): void
  /** It hears that this life is over; true or not. */
  evidence(machine: Machine, about: Life): void
  /** What the application of a process that runs does; false: nothing, just now. */
  call(machine: Machine, plan: CandidatePlan, action: CallAction): boolean
  /** What only this protocol has; false: nothing, just now. */
  ownAction?(machine: Machine, action: OwnAction): boolean
}

export type CallAction = Extract<CoreAction, { place: number }>
export type OwnAction = Extract<CoreAction, { type: 'raft-transfer' | 'read' }>
type Affliction = Exclude<Extract<CoreAction, { process: string }>, { type: 'accuse' }>

export class Stage<Machine extends StagedMachine<Letter>, Letter> implements Surroundings<Machine, Letter> {
  readonly name: string
  readonly plan: CorePlan
  readonly scheduler: Scheduler
  readonly chance: Stream
  readonly network: CoreNetwork<Letter>
  readonly machines: readonly Machine[]
  readonly log: BareLog | undefined
  /** Faults, by kind. */
  readonly injected = new Map<string, number>()
  elections = 0
  readonly #trace: Trace
  readonly #parts: StageParts<Machine>
  readonly #places: ReadonlyMap<string, number>
  #healed = false
  /** Where the last one elected lives. */
  #holder: string

  constructor(
    name: string,
    {
      plan,
      trace,
      log,
    }: { readonly plan: CorePlan; readonly trace: Trace; readonly log: BareLog | undefined },
    parts: StageParts<Machine> & {
      machine(stage: Stage<Machine, Letter>, place: number, peer: CorePlan['peers'][number]): Machine
    },
  ) {
    this.name = name
    this.plan = plan
    this.log = log
    this.#trace = trace
    this.#parts = parts
    const ids = plan.peers.map((peer) => peer.name)
    this.#places = new Map(ids.map((id, place) => [id, place]))
    this.#holder = ids[0] ?? ''
    this.chance = new Stream(`${plan.seed} ${name} world`)
    this.scheduler = new Scheduler(() => undefined, trace)
    this.machines = plan.peers.map((peer, place) => parts.machine(this, place, peer))
    this.network = new CoreNetwork(
      this.scheduler,
      new Stream(`${plan.seed} ${name} network`),
      plan.quality,
      this.machines,
      (fault) => this.tally(fault),
    )
    plan.peers.forEach((peer, place) => {
      this.scheduler.after(peer.startsAtMs, () => this.#start(this.machines[place]))
    })
    for (const action of plan.actions) this.scheduler.after(action.at, () => this.#apply(action))
    this.scheduler.after(plan.healAtMs, () => this.#heal())
  }

  placeOf(id: string): number {
    return this.#places.get(id) ?? -1
  }

  machineOf(id: string): Machine | undefined {
    return this.machines[this.placeOf(id)]
  }

  /** `who`, in the process `id`, is told that it leads. */
  elected(
    id: string,
    { who, election, token }: { readonly who: string; readonly election: string; readonly token: unknown },
  ): void {
    this.elections += 1
    this.#holder = id
    this.#trace.said(`${who} leads ${election} with ${String(token)}`)
    this.log?.(id, `leads ${election} with ${String(token)}`)
  }

  tally(fault: string): void {
    this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1)
  }

  // ---- actions -------------------------------------------------------------------------------------------------------

  #apply(action: CoreAction): void {
    this.log?.('', action.type, action)
    if ('place' in action) return this.#call(action)
    switch (action.type) {
      case 'cut':
        return this.#cut(action.ways, action.forMs)
      case 'weather':
        this.network.quality = action.quality
        this.tally('weather')
        this.scheduler.after(action.forMs, () => {
          if (!this.#healed) this.network.quality = this.plan.quality
        })
        return
      case 'accuse':
        return this.#accuse(this.#named(action.process))
      default: {
        const machine = this.#named(action.process)
        if (machine !== undefined) this.#afflict(machine, action)
      }
    }
  }

  #call(action: CallAction): void {
    const plan = this.plan.candidates[action.place]
    const machine = this.machineOf(plan?.process ?? '')
    if (plan === undefined || machine === undefined || !isAble(machine)) return
    if (this.#parts.call(machine, plan, action)) this.tally(`api ${action.type}`)
  }

  #afflict(machine: Machine, action: Affliction): void {
    switch (action.type) {
      case 'crash':
        if (machine.crash()) this.#crashed(machine, action.backAfterMs)
        return
      case 'pause':
        if (machine.process === null) return
        this.tally('pause')
        machine.process.incarnation.freeze(this.scheduler.now + action.forMs)
        return
      case 'disk-slow':
        this.tally('slow disk')
        machine.slowness = action.factor
        machine.slowUntil = Math.min(this.scheduler.now + action.forMs, this.plan.healAtMs)
        return
      case 'evidence': {
        const about = this.#named(action.about)
        if (about === undefined || !isAble(machine)) return
        this.tally('false evidence')
        this.#parts.evidence(machine, about)
        return
      }
      case 'raft-transfer':
      case 'read':
        if (isAble(machine) && this.#parts.ownAction?.(machine, action) === true)
          this.tally(action.type.replace('-', ' '))
        return
      default:
        action satisfies never
    }
  }

  #start(machine: Machine | undefined): void {
    if (machine?.start() === true) this.#parts.started?.(machine)
  }

  /** Whoever is not cut off from the host hears its kernel refuse, soon. */
  #crashed(machine: Machine, backAfterMs: number | null): void {
    this.tally('crash')
    const { id, run } = machine
    for (const other of this.machines) {
      if (other === machine || this.chance.chance(0.3)) continue
      this.tellSoon(machine, other, () => (machine.process === null ? { id, run } : null))
    }
    if (backAfterMs !== null) this.scheduler.after(backAfterMs, () => this.#mayStart(machine))
  }

  /** Unless the way from one to the other is cut by then, or there is nothing to tell. */
  tellSoon(about: Machine, other: Machine, what: () => Life | null): void {
    this.scheduler.after(this.chance.between(0.5, 20), () => {
      const life = what()
      if (life !== null && isAble(other) && !this.network.isCut(about.place, other.place))
        this.#parts.evidence(other, life)
    })
  }

  #mayStart(machine: Machine): void {
    if (!this.#healed || !this.plan.deadForEver.includes(machine.id)) this.#start(machine)
  }

  /** False evidence that everybody hears. */
  #accuse(about: Machine | undefined): void {
    if (about === undefined) return
    this.tally('false evidence')
    for (const machine of this.machines)
      if (machine !== about && isAble(machine)) this.#parts.evidence(machine, about)
  }

  #cut(ways: readonly Way[], forMs: number | null): void {
    if (this.#healed) return
    this.tally('cut')
    const routes = this.#routes(ways)
    for (const [from, to] of routes) this.network.cut(from, to, 1)
    if (forMs === null) return
    this.scheduler.after(forMs, () => {
      if (!this.#healed) for (const [from, to] of routes) this.network.cut(from, to, -1)
    })
  }

  #routes(ways: readonly Way[]): [from: number, to: number][] {
    const everybody = this.machines.map(({ place }) => place)
    const places = (name: string): number[] => (name === '*' ? everybody : [this.#named(name)?.place ?? -1])
    return ways.flatMap(([from, to]) =>
      places(from).flatMap((one) =>
        places(to).flatMap((other) => (one === other ? [] : [[one, other] as [number, number]])),
      ),
    )
  }

  #named(name: string): Machine | undefined {
    if (name === '@raft') return this.machineOf(this.#parts.clusterLeader?.() ?? this.#holder)
    return this.machineOf(name === '@holder' ? this.#holder : name)
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
      else this.#start(machine)
    }
    this.log?.('', `the faults end; whole: ${this.plan.core.join(', ')}`)
  }
}

function isAble({ process }: { readonly process: { readonly incarnation: Incarnation } | null }): boolean {
  return process !== null && !process.incarnation.frozen
}
