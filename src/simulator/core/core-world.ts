/** Everything that one plan sets up, and what its actions do to it: one event after the other, on one agenda. */
import type { Configuration } from '../../protocols/quorum/types.ts'
import { leaderOf } from '../../protocols/raft/state.ts'
import { step as raftStep } from '../../protocols/raft/step.ts'
import { SafetyChecks } from '../../protocols/raft/testing/safety-checks.ts'
import type { Command } from '../../registry/types.ts'
import type { Way } from '../plan.ts'
import { Scheduler } from '../scheduler.ts'
import { Stream } from '../streams.ts'
import type { Trace } from '../trace.ts'
import type { CoreCandidate } from './core-candidate.ts'
import { CoreClaims } from './core-claims.ts'
import { CoreMachine } from './core-machine.ts'
import { CoreNetwork } from './core-network.ts'
import type { CoreLog, CoreSurroundings, RaftStep } from './core-surroundings.ts'
import { perfectQuality, type CoreAction, type CorePlan } from './core-plan.ts'

export class CoreWorld implements CoreSurroundings {
  readonly plan: CorePlan
  readonly configuration: Configuration
  readonly scheduler: Scheduler
  readonly network: CoreNetwork
  readonly machines: readonly CoreMachine[]
  readonly claims: CoreClaims
  readonly raftChecks = new SafetyChecks<Command>()
  readonly step: RaftStep
  readonly log: CoreLog | undefined
  readonly injected = new Map<string, number>()
  elections = 0
  readonly #trace: Trace
  readonly #chance: Stream
  readonly #places: ReadonlyMap<string, number>
  #healed = false
  #reads = 0
  /** Entries of the committed log that the claims know. */
  #known = 0
  #raftLeader: string
  #holder: string
  /** What was so some time after the faults, when nothing is to change any more. */
  #settled: { readonly term: number | null; readonly vacant: ReadonlyMap<string, string> } | null = null

  constructor(
    plan: CorePlan,
    trace: Trace,
    options: { readonly step?: RaftStep | undefined; readonly log?: CoreLog | undefined } = {},
  ) {
    this.plan = plan
    this.#trace = trace
    this.step = options.step ?? raftStep
    this.log = options.log
    const ids = plan.peers.map(({ name }) => name)
    this.configuration = { voters: ids }
    this.#places = new Map(ids.map((id, place) => [id, place]))
    this.#raftLeader = this.#holder = ids[0] ?? ''
    this.#chance = new Stream(`${plan.seed} core world`)
    this.scheduler = new Scheduler(() => undefined, trace)
    this.claims = new CoreClaims({
      voters: ids.length,
      leaseMs: plan.timing.leaseMs,
      tokenBase: plan.tokenBase,
      now: () => this.scheduler.now,
    })
    this.machines = plan.peers.map((peer, place) => new CoreMachine(this, place, peer))
    this.network = new CoreNetwork(
      this.scheduler,
      new Stream(`${plan.seed} core network`),
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
    const judgedMs = Math.max(3 * electionTimeoutMs[1], 3 * leaseMs)
    this.scheduler.after(plan.simulatedMs - judgedMs, () => {
      this.#settled = { term: this.#ledTerm(), vacant: this.#vacancies() }
    })
  }

  placeOf(id: string): number {
    return this.#places.get(id) ?? -1
  }

  // ---- what processes do ---------------------------------------------------------------------------------------------

  led(id: string, term: number): void {
    this.#raftLeader = id
    this.log?.(id, `leads term ${term}`)
  }

  /** Something was committed, perhaps for the first time. */
  learned(): void {
    const { committed } = this.raftChecks
    for (; this.#known < committed.length; this.#known++) {
      const entry = committed[this.#known]
      if (entry !== undefined) this.claims.learned(entry)
    }
  }

  elected(id: string, { plan, token }: CoreCandidate): void {
    this.elections += 1
    this.#holder = id
    this.#trace.said(`${plan.candidate} leads ${plan.election} with ${token}`)
    this.log?.(id, `leads ${plan.election} with ${token}`)
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
      case 'accuse':
        return this.#accuse(this.#named(action.process))
      default: {
        const machine = this.machines[this.placeOf(this.#named(action.process))]
        if (machine !== undefined) this.#afflict(machine, action)
      }
    }
  }

  #afflict(
    machine: CoreMachine,
    action: Exclude<Extract<CoreAction, { process: string }>, { type: 'accuse' }>,
  ): void {
    const { process } = machine
    const isAble = process !== null && !process.incarnation.frozen
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
        machine.disk.slowness = action.factor
        machine.disk.slowUntil = Math.min(this.scheduler.now + action.forMs, this.plan.healAtMs)
        return
      case 'evidence':
        if (!isAble) return
        this.#tally('false evidence')
        process.evidence(this.#named(action.about))
        return
      case 'raft-transfer':
        if (!isAble) return
        this.#tally('raft transfer')
        process.feed({ type: 'transfer', to: action.to })
        return
      case 'read':
        if (!isAble) return
        this.#tally('read')
        this.#reads += 1
        this.raftChecks.onRead(this.#reads)
        process.feed({ type: 'read', id: this.#reads })
        return
      default:
        action satisfies never
    }
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
  #crashed(machine: CoreMachine, backAfterMs: number | null): void {
    this.#tally('crash')
    for (const other of this.machines) {
      if (other === machine || this.#chance.chance(0.3)) continue
      this.scheduler.after(this.#chance.between(0.5, 20), () => {
        const { process } = other
        if (process === null || process.incarnation.frozen || machine.process !== null) return
        if (!this.network.isCut(machine.place, other.place)) process.evidence(machine.id)
      })
    }
    if (backAfterMs !== null) this.scheduler.after(backAfterMs, () => this.#mayStart(machine))
  }

  #mayStart(machine: CoreMachine): void {
    if (this.#healed && this.plan.deadForEver.includes(machine.id)) return
    machine.start()
  }

  #accuse(about: string): void {
    this.#tally('false evidence')
    for (const { id, process } of this.machines) {
      if (id !== about && process !== null && !process.incarnation.frozen) process.evidence(about)
    }
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
    const everybody = this.machines.map(({ place }) => place)
    const places = (name: string): number[] => (name === '*' ? everybody : [this.placeOf(this.#named(name))])
    return ways.flatMap(([from, to]) =>
      places(from).flatMap((one) =>
        places(to).flatMap((other) => (one === other ? [] : [[one, other] as [number, number]])),
      ),
    )
  }

  #named(name: string): string {
    return name === '@raft' ? this.#raftLeader : name === '@holder' ? this.#holder : name
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

  /** The term in which one peer leads all of the core; null: there is none. */
  #ledTerm(): number | null {
    for (const { id, raft, process } of this.machines) {
      if (process === null || raft.role.name !== 'leader') continue
      const follows = this.plan.core.every((name) => {
        const one = this.machines[this.placeOf(name)]
        return one?.process != null && one.raft.term === raft.term && leaderOf(one.raft) === id
      })
      if (follows) return raft.term
    }
    return null
  }

  /** Elections that a live session of the core waits for, and nobody holds: who waits, and since which entry. */
  #vacancies(): Map<string, string> {
    const vacant = new Map<string, string>()
    for (const { name, holder, queue, sinceIndex } of this.claims.registry.elections.values()) {
      const waiting = [...queue.keys()].find((session) => this.#isOfCore(session))
      if (holder === null && waiting !== undefined) vacant.set(name, `${waiting}, since entry ${sinceIndex}`)
    }
    return vacant
  }

  end(): void {
    if (!this.plan.isJudgedWhole || this.#settled === null) return
    const was = this.#settled
    const term = this.#ledTerm()
    this.claims.ensure(term !== null && term === was.term, 'core-is-led', () => {
      const [then, now] = [was.term, term].map((one) => (one === null ? 'by nobody' : `in term ${one}`))
      const peers = this.machines.map(({ id, raft, process }) =>
        process === null ? `${id} is dead` : `${id} is ${raft.role.name} in ${raft.term}`,
      )
      return `long after it was healed the core was led ${then}, and at the end ${now}: ${peers.join(', ')}`
    })
    const vacant = this.#vacancies()
    for (const [election, waits] of was.vacant) {
      this.claims.ensure(vacant.get(election) !== waits, 'vacancy-ends', () => {
        return `'${election}' is vacant to the end, although it is waited for by ${waits}`
      })
    }
    this.claims.evaluations['vacancy-ends'] += 1
  }

  #isOfCore(session: string): boolean {
    return this.machines.some(
      ({ id, process }) =>
        this.plan.core.includes(id) &&
        process?.candidates.some((candidate) => candidate.session === session) === true,
    )
  }

  #tally(fault: string): void {
    this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1)
  }
}
