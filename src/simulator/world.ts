/** Everything that one plan sets up, and what its actions do to it. */
import { peersOf } from './engines.ts'
import type { Invariant, LiveLeadership } from './invariants/invariant.ts'
import type { HistoryEvent } from './history.ts'
import type { Incarnation } from './incarnation.ts'
import { Judge, type Told } from './judge.ts'
import { Machine } from './machine.ts'
import { Network } from './network.ts'
import type { Place, PlaceWorld } from './place.ts'
import type { Action, Plan, Way } from './plan.ts'
import { GuardedResource } from './resource.ts'
import type { Route, RouteQuality } from './route.ts'
import { Scheduler } from './scheduler.ts'
import { Stream } from './streams.ts'
import type { Trace } from './trace.ts'

export interface WorldOptions {
  readonly plan: Plan
  readonly invariants: readonly Invariant[]
  readonly trace: Trace
  readonly drain: () => void
  readonly record?: ((event: HistoryEvent) => void) | undefined
}

export interface Counts {
  /** Leaderships that were told to an application. */
  elections: number
  raftElections: number
  readonly injected: Map<string, number>
}

export class World {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly judge: Judge
  readonly machines = new Map<string, Machine>()
  readonly counts: Counts = { elections: 0, raftElections: 0, injected: new Map() }
  readonly #plan: Plan
  readonly #trace: Trace
  readonly #resource = new GuardedResource()
  readonly #leaderships = new Map<
    number,
    { readonly process: Incarnation; readonly leadership: LiveLeadership }
  >()
  readonly #chance: Stream
  #attempts = 0
  #observers = 0
  /** Nothing is broken any more. */
  #healed = false
  /** Whoever was told last that it leads the cluster; without a log, the last peer in which somebody was elected. */
  #chief: string

  constructor({ plan, invariants, trace, drain, record }: WorldOptions) {
    this.#plan = plan
    this.#trace = trace
    this.#chance = new Stream(`${plan.seed} world`)
    this.#chief = plan.core[0] ?? ''
    this.scheduler = new Scheduler(drain, trace)
    const tally = (fault: string): void => this.#tally(fault)
    this.network = new Network({
      scheduler: this.scheduler,
      seed: plan.seed,
      tally,
      quality: () => plan.quality,
      coalescing: plan.faults.length === 0 ? 1 : 0.7,
    })
    const leaderships = (): Iterable<LiveLeadership> => this.leaderships()
    this.judge = new Judge(
      invariants,
      {
        protocol: plan.protocol,
        timing: plan.timing,
        voters: peersOf(plan),
        mode: plan.mode,
        roundTripMs: 2 * plan.quality.maxMs + Math.max(...plan.processes.map(({ writeMs }) => writeMs[1])),
        tokenBase: plan.tokenBase,
        leaderships,
      },
      record,
    )
    plan.processes.forEach((machine, index) => {
      const made = new Machine({
        plan,
        machine,
        mark: index + 1,
        scheduler: this.scheduler,
        network: this.network,
        judge: this.judge,
        tally,
        worldOf: (process) => this.#worldOf(process),
        forget: (process) => this.#forget(process),
      })
      this.machines.set(machine.name, made)
      this.network.add(made)
      this.scheduler.after(machine.startsAtMs, () => made.start())
    })
    for (const action of plan.actions) this.scheduler.after(action.at, () => this.apply(action))
    this.scheduler.after(plan.healAtMs, () => this.#heal())
  }

  *leaderships(): Iterable<LiveLeadership> {
    for (const { leadership } of this.#leaderships.values()) yield leadership
  }

  /** By the library, about the process whose turn it is: a candidacy begins. */
  stands(candidate: string, election: string): void {
    const { running } = this.scheduler
    for (const { process, program } of this.machines.values()) {
      if (process !== null && process === running) program?.stands(candidate, election)
    }
  }

  // ---- actions ----------------------------------------------------------------------------------------------------

  apply(action: Action): void {
    switch (action.type) {
      case 'cut':
        return this.#cut(action.shape, action.ways, action.forMs)
      case 'reset':
        if (this.network.reset(this.#resolve(action.from), this.#resolve(action.to))) this.#tally('reset')
        return
      case 'weather':
        return this.#weather(action.ways, action.quality, action.forMs)
      case 'campaign':
      case 'lead':
      case 'cancel':
      case 'resign':
      case 'transfer':
      case 'proclaim':
      case 'close':
      case 'recreate':
      case 'observe':
      case 'unobserve':
        return this.#call(action)
      default: {
        const machine = this.machines.get(this.#resolve(action.process))
        if (machine !== undefined) this.#afflict(machine, action)
      }
    }
  }

  #afflict(machine: Machine, action: Extract<Action, { process: string }>): void {
    switch (action.type) {
      case 'crash':
        return machine.crash('crash', action.backAfterMs)
      case 'crash-at':
        return machine.crashAt(action.call, action.count, action.backAfterMs)
      case 'pause-at':
        return machine.pauseAt(action.call, action.count, action.forMs)
      case 'power-loss':
        return machine.losePower(action.backAfterMs)
      case 'stop':
        return machine.stop(action.backAfterMs)
      case 'start':
        return machine.start()
      case 'stall':
        return machine.stall(action.forMs)
      case 'pause':
        return machine.pause(action.forMs)
      case 'suspend':
        return machine.suspend(action.forMs)
      case 'disk-hang':
        return machine.hangDisk(action.forMs)
      case 'disk-slow':
        return machine.slowDisk(action.factor, action.forMs)
      case 'disk-fail':
        return machine.disk?.fail(action.how)
      case 'bit-flip':
        return machine.flipBit()
      case 'snapshot':
        return machine.snapshot()
      case 'restore':
        return machine.restore(this.#knownToAll(machine.name))
      case 'clock-rate':
        return machine.setRate(action.rate)
      case 'clock-step':
        return machine.stepWall(action.ms)
      default:
        action satisfies never
    }
  }

  #call(action: Extract<Action, { place: number }>): void {
    const plan = this.#plan.places[action.place]
    const machine = plan === undefined ? undefined : this.machines.get(plan.process)
    const process = machine?.process
    // Who is frozen calls nothing.
    if (process?.alive !== true || process.frozen) return
    const place = machine?.program?.place(action.place)
    if (place !== undefined) callPlace(place, action)
  }

  #cut(shape: string, ways: readonly Way[], forMs: number | null): void {
    if (this.#healed) return
    this.#tally(shape)
    const routes = this.#routes(ways).filter((route) => !route.isCut)
    for (const route of routes) route.cut()
    if (forMs === null) return
    this.scheduler.after(forMs, () => {
      for (const route of routes) route.mend()
    })
  }

  /** Each way once. Nobody is cut off from himself. */
  #routes(ways: readonly Way[]): Route[] {
    const everybody = [...this.machines.keys()]
    const named = (name: string): readonly string[] => (name === '*' ? everybody : [this.#resolve(name)])
    const routes = new Set<Route>()
    for (const [from, to] of ways) {
      for (const one of named(from)) {
        for (const other of named(to)) if (one !== other) routes.add(this.network.route(one, other))
      }
    }
    return [...routes]
  }

  /** Whom a plan means with a name. */
  #resolve(name: string): string {
    if (name === '@raft') return this.#chief
    if (name !== '@holder') return name
    const last = [...this.#leaderships.values()].at(-1)
    return last?.process.process ?? this.#chief
  }

  #weather(ways: readonly Way[], quality: RouteQuality, forMs: number | null): void {
    if (this.#healed) return
    this.#tally('weather')
    const routes = this.#routes(ways.length === 0 ? [['*', '*']] : ways)
    for (const route of routes) route.quality = quality
    if (forMs === null) return
    this.scheduler.after(forMs, () => {
      for (const route of routes) route.quality = this.#plan.quality
    })
  }

  /** `core` and the ways between its members become whole; in safety mode everything else does too. */
  #heal(): void {
    const { core, mode, quality } = this.#plan
    const names = mode === 'safety' ? [...this.machines.keys()] : core
    this.#healed = mode === 'safety'
    for (const from of names) {
      for (const to of names) {
        if (from === to) continue
        const route = this.network.route(from, to)
        route.quality = quality
        route.mend()
      }
    }
    this.network.unstick(names)
    for (const name of names) this.machines.get(name)?.heal()
    const sound = core.filter((name) => this.machines.get(name)?.ruined === false)
    this.#tell({ type: 'healed', core: sound, forEver: mode === 'liveness' })
  }

  /** The newest start of this peer that every other peer has written down. */
  #knownToAll(peer: string): number {
    let least = Infinity
    for (const [name, { disk }] of this.machines) {
      if (disk === null || name === peer) continue
      let newest = 0
      for (const record of disk.durable) {
        if (record.type === 'peer' && record.peer === peer) newest = Math.max(newest, record.incarnation)
      }
      least = Math.min(least, newest)
    }
    return least
  }

  // ---- what processes do --------------------------------------------------------------------------------------------

  #worldOf(process: Incarnation): PlaceWorld {
    const tell = (told: Told): void => process.act(() => heard(told))
    const heard = (told: Told): void => {
      if (!process.alive) return
      if (told.type === 'led') {
        this.counts.raftElections++
        this.#chief = process.process
      }
      this.judge.tell(this.scheduler.now, process.process, process.run, told)
    }
    return {
      tell,
      nextAttempt: () => ++this.#attempts,
      nextObserver: () => ++this.#observers,
      leads: (leadership) =>
        process.act(() => {
          this.counts.elections++
          if (this.#plan.protocol !== 'raft' && this.machines.get(process.process)?.disk != null)
            this.#chief = process.process
          this.#trace.said(`${leadership.candidate} leads ${leadership.election} with ${leadership.token}`)
          this.#leaderships.set(leadership.attempt, { process, leadership })
        }),
      lost: (attempt) => process.act(() => void this.#leaderships.delete(attempt)),
      write: (attempt, election, token) => {
        if (process.touch('write')) process.act(() => this.#write(process, attempt, election, token))
      },
      tally: (call) => this.#tally(`api ${call}`),
      afflicts: () => this.scheduler.now < this.#plan.healAtMs,
    }
  }

  /** The token is checked where and when the write arrives. */
  #write(process: Incarnation, attempt: number, election: string, token: bigint): void {
    this.scheduler.after(this.#chance.between(0, 20), () => {
      const accepted = this.#resource.write(election, token)
      this.judge.tell(this.scheduler.now, process.process, process.run, {
        type: 'wrote',
        attempt,
        token,
        accepted,
      })
    })
  }

  #forget(process: Incarnation): void {
    for (const [attempt, one] of this.#leaderships)
      if (one.process === process) this.#leaderships.delete(attempt)
  }

  #tell(told: Told): void {
    this.judge.tell(this.scheduler.now, '', 0, told)
  }

  end(): void {
    this.#tell({ type: 'ended' })
    this.judge.finish(this.scheduler.now)
  }

  #tally(fault: string): void {
    this.counts.injected.set(fault, (this.counts.injected.get(fault) ?? 0) + 1)
  }
}

function callPlace(place: Place, action: Extract<Action, { place: number }>): void {
  switch (action.type) {
    case 'campaign':
      return place.campaign()
    case 'lead':
      return place.lead()
    case 'cancel':
      return place.cancel()
    case 'resign':
      return place.resign()
    case 'transfer':
      return place.transfer(action.to)
    case 'proclaim':
      return place.proclaim()
    case 'close':
      return place.close()
    case 'recreate':
      return place.recreate()
    case 'observe':
      return place.observe()
    case 'unobserve':
      return place.unobserve()
    default:
      action satisfies never
  }
}
