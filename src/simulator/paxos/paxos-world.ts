/** Everything that one plan sets up for the bare Paxos cores, and what its actions do to it. */
import { isUnsure } from '../../protocols/paxos/acceptor/state.ts'
import { electionInstance } from '../../protocols/paxos/proposer/state.ts'
import { majoritySize } from '../../protocols/quorum/majority.ts'
import { CoreNetwork } from '../core/core-network.ts'
import { perfectQuality, type CoreAction, type CorePlan } from '../core/core-plan.ts'
import type { CoreLog } from '../core/core-surroundings.ts'
import type { Way } from '../plan.ts'
import { Scheduler } from '../scheduler.ts'
import { Stream } from '../streams.ts'
import type { Trace } from '../trace.ts'
import { PaxosClaims, type Leading } from './paxos-claims.ts'
import { PaxosMachine } from './paxos-machine.ts'
import type { PaxosLetter, PaxosSurroundings } from './paxos-process.ts'

export class PaxosWorld implements PaxosSurroundings {
  readonly plan: CorePlan
  readonly scheduler: Scheduler
  readonly network: CoreNetwork<PaxosLetter>
  readonly machines: readonly PaxosMachine[]
  readonly claims: PaxosClaims
  readonly log: CoreLog | undefined
  readonly injected = new Map<string, number>()
  elections = 0
  readonly #trace: Trace
  readonly #chance: Stream
  readonly #places: ReadonlyMap<string, number>
  #healed = false
  #holder: string

  constructor(plan: CorePlan, trace: Trace, log?: CoreLog) {
    this.plan = plan
    this.log = log
    this.#trace = trace
    const ids = plan.peers.map(({ name }) => name)
    this.#places = new Map(ids.map((id, place) => [id, place]))
    this.#holder = ids[0] ?? ''
    this.#chance = new Stream(`${plan.seed} paxos world`)
    this.scheduler = new Scheduler(() => undefined, trace)
    this.claims = new PaxosClaims(ids.length, () => this.scheduler.now)
    this.machines = plan.peers.map((peer, place) => new PaxosMachine(this, place, peer))
    this.network = new CoreNetwork<PaxosLetter>(
      this.scheduler,
      new Stream(`${plan.seed} paxos network`),
      plan.quality,
      this.machines,
      (fault) => this.#tally(fault),
    )
    plan.peers.forEach((peer, place) => {
      this.scheduler.after(peer.startsAtMs, () => this.#start(this.machines[place]))
    })
    for (const action of plan.actions) this.scheduler.after(action.at, () => this.#apply(action))
    this.scheduler.after(plan.healAtMs, () => this.#heal())
    this.#watch()
  }

  placeOf(id: string): number {
    return this.#places.get(id) ?? -1
  }

  elected(id: string, { election, token }: Leading): void {
    this.elections += 1
    this.#holder = id
    this.#trace.said(`${id} leads ${election} with ${token}`)
    this.log?.(id, `leads ${election} with ${token}`)
  }

  /** Not only when somebody wins: a leadership that revives is found between. */
  #watch(): void {
    for (const leading of this.claims.leading) {
      this.claims.alone(leading)
      if (leading.exclusivity === 'time' && leading.isValid())
        this.claims.held(leading, this.#freeOf(leading), majoritySize(this.machines.length))
    }
    this.scheduler.after(this.plan.timing.heartbeatMs / 2, () => this.#watch())
  }

  /** How many acceptors know what they hold, and do not hold this. */
  #freeOf({ election, session }: Leading): number {
    return this.machines.filter(({ process, clock }) => {
      if (process === null || isUnsure(process.acceptor, clock.read())) return false
      return process.acceptor.entries.get(electionInstance(election))?.accepted?.session !== session
    }).length
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
        return this.#accuse(this.#machine(action.process), null)
      case 'evidence':
        return this.#accuse(this.#machine(action.about), this.#machine(action.process) ?? null)
      case 'crash': {
        const machine = this.#machine(action.process)
        if (machine?.crash() === true) this.#crashed(machine, action.backAfterMs)
        return
      }
      case 'pause': {
        const process = this.#machine(action.process)?.process
        if (process == null) return
        this.#tally('pause')
        process.incarnation.freeze(this.scheduler.now + action.forMs)
        return
      }
      case 'disk-slow': {
        const machine = this.#machine(action.process)
        if (machine === undefined) return
        this.#tally('slow disk')
        machine.slowness = action.factor
        machine.slowUntil = Math.min(this.scheduler.now + action.forMs, this.plan.healAtMs)
        return
      }
      case 'raft-transfer':
      case 'read':
        return
      default:
        action satisfies never
    }
  }

  #call({ place, type }: Extract<CoreAction, { place: number }>): void {
    const plan = this.plan.candidates[place]
    const process = this.machines[this.placeOf(plan?.process ?? '')]?.process
    if (plan === undefined || process == null || process.incarnation.frozen) return
    this.#tally(`api ${type}`)
    const { session } = process
    if (type === 'close') session.close()
    else if (type === 'transfer')
      session.transfer(plan.election, this.#chance.pick(this.plan.candidates).candidate)
    else session[type](plan.election)
    process.settle()
  }

  /** Whoever is not cut off from the host hears its kernel refuse, soon. */
  #crashed(machine: PaxosMachine, backAfterMs: number | null): void {
    this.#tally('crash')
    const { run } = machine
    for (const other of this.machines) {
      if (other === machine || this.#chance.chance(0.3)) continue
      this.scheduler.after(this.#chance.between(0.5, 20), () => {
        if (machine.process === null) this.#tellOf(machine, other, run)
      })
    }
    if (backAfterMs !== null) this.scheduler.after(backAfterMs, () => this.#mayStart(machine))
  }

  #mayStart(machine: PaxosMachine): void {
    if (this.#healed && this.plan.deadForEver.includes(machine.id)) return
    this.#start(machine)
  }

  /** Who hears of a new process knows that the one before is gone. */
  #start(machine: PaxosMachine | undefined): void {
    if (machine?.start() !== true || machine.run === 1) return
    const { run } = machine
    for (const other of this.machines)
      if (other !== machine)
        this.scheduler.after(this.#chance.between(0.5, 20), () => this.#tellOf(machine, other, run - 1))
  }

  #tellOf(about: PaxosMachine, other: PaxosMachine, run: number): void {
    const { process } = other
    if (process === null || process.incarnation.frozen) return
    if (!this.network.isCut(about.place, other.place)) process.evidence(about.id, run)
  }

  /** False evidence, that one or everybody hears. */
  #accuse(about: PaxosMachine | undefined, only: PaxosMachine | null): void {
    if (about === undefined) return
    this.#tally('false evidence')
    for (const machine of only === null ? this.machines : [only]) {
      const { process } = machine
      if (machine !== about && process !== null && !process.incarnation.frozen)
        process.evidence(about.id, about.run)
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
    const places = (name: string): number[] => (name === '*' ? everybody : [this.#machine(name)?.place ?? 0])
    return ways.flatMap(([from, to]) =>
      places(from).flatMap((one) =>
        places(to).flatMap((other) => (one === other ? [] : [[one, other] as [number, number]])),
      ),
    )
  }

  /** There is no leader of the cluster here: whoever leads an election stands for it. */
  #machine(name: string): PaxosMachine | undefined {
    return this.machines[this.placeOf(name.startsWith('@') ? this.#holder : name)]
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

  // ---- the end ---------------------------------------------------------------------------------------------------------

  /** No election that somebody of the core stands in was without a leader for long, at the end. */
  end(): void {
    if (!this.plan.isJudgedWhole) return
    const { electionTimeoutMs, leaseMs } = this.plan.timing
    const patienceMs = Math.max(3 * electionTimeoutMs[1], 4 * leaseMs, 2 * this.#longestRestMs())
    const { now } = this.scheduler
    for (const election of new Set(this.plan.candidates.map((each) => each.election))) {
      const waits = this.plan.core.find((id) =>
        this.machines[this.placeOf(id)]?.process?.session.standsIn(election),
      )
      if (waits === undefined) continue
      const isLed = [...this.claims.leading].some((one) => one.election === election && one.isValid())
      const ledAt = isLed ? now : (this.claims.ledAt.get(election) ?? 0)
      this.claims.ensure(now - ledAt < patienceMs, 'vacancy-ends', () => {
        return `'${election}' has no leader since ${ledAt}, although ${waits} stands; it is ${now} now`
      })
    }
    this.claims.evaluations['vacancy-ends'] += 1
  }

  #longestRestMs(): number {
    return Math.max(0, ...this.plan.candidates.map(({ restsMs }) => restsMs[1]))
  }

  #tally(fault: string): void {
    this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1)
  }
}
