/** The world of the bare Paxos cores: what only they have, around the stage that all bare cores share. */
import { isUnsure } from '../../protocols/paxos/acceptor/state.ts'
import { electionInstance } from '../../protocols/paxos/proposer/state.ts'
import { majoritySize } from '../../protocols/quorum/majority.ts'
import { Stage, type CallAction } from '../bare/stage.ts'
import type { BareLog } from '../bare/surroundings.ts'
import type { CorePlan } from '../core/core-plan.ts'
import type { Trace } from '../trace.ts'
import { PaxosClaims, type Leading } from './paxos-claims.ts'
import { PaxosMachine } from './paxos-machine.ts'
import type { PaxosLetter, PaxosSurroundings } from './paxos-process.ts'

export class PaxosWorld implements PaxosSurroundings {
  readonly plan: CorePlan
  readonly stage: Stage<PaxosMachine, PaxosLetter>
  readonly claims: PaxosClaims

  constructor(plan: CorePlan, trace: Trace, log?: BareLog) {
    this.plan = plan
    this.claims = new PaxosClaims(plan.peers.length, () => this.stage.scheduler.now)
    this.stage = new Stage(
      'paxos',
      { plan, trace, log },
      {
        machine: (stage, place, peer) => new PaxosMachine(this, stage, { place, peer }),
        started: (machine) => this.#started(machine),
        evidence: ({ id, process }, about) => {
          if (id !== about.id) process?.evidence(about.id, about.run)
        },
        call: (machine, { election }, action) => this.#call(machine, election, action),
      },
    )
    this.#watch()
  }

  elected(id: string, { election, token }: Leading): void {
    this.stage.elected(id, { who: id, election, token })
  }

  /** Not only when somebody wins: a leadership that revives is found between. */
  #watch(): void {
    for (const leading of this.claims.leading) {
      this.claims.alone(leading)
      if (leading.exclusivity === 'time' && leading.isValid())
        this.claims.held(leading, this.#freeOf(leading), majoritySize(this.stage.machines.length))
    }
    this.stage.scheduler.after(this.plan.timing.heartbeatMs / 2, () => this.#watch())
  }

  /** How many acceptors know what they hold, and do not hold this. */
  #freeOf({ election, session }: Leading): number {
    return this.stage.machines.filter(({ process, clock }) => {
      if (process === null || isUnsure(process.acceptor, clock.read())) return false
      return process.acceptor.entries.get(electionInstance(election))?.accepted?.session !== session
    }).length
  }

  // ---- what is done to them --------------------------------------------------------------------------------------------

  /** Who hears of a new process knows that the one before is gone. */
  #started(machine: PaxosMachine): void {
    const { id, run } = machine
    if (run === 1) return
    for (const other of this.stage.machines)
      if (other !== machine) this.stage.tellSoon(machine, other, () => ({ id, run: run - 1 }))
  }

  #call({ process }: PaxosMachine, election: string, { type }: CallAction): boolean {
    if (process === null) return false
    const { session } = process
    if (type === 'close') session.close()
    else if (type === 'transfer')
      session.transfer(election, this.stage.chance.pick(this.plan.candidates).candidate)
    else session[type](election)
    process.settle()
    return true
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------

  /** No election that somebody of the core stands in was without a leader for long, at the end. */
  end(): void {
    if (!this.plan.isJudgedWhole) return
    const { electionTimeoutMs, leaseMs } = this.plan.timing
    const patienceMs = Math.max(3 * electionTimeoutMs[1], 4 * leaseMs, 2 * this.#longestRestMs())
    const { now } = this.stage.scheduler
    for (const election of new Set(this.plan.candidates.map((each) => each.election))) {
      const waits = this.plan.core.find((id) => this.stage.machineOf(id)?.process?.session.standsIn(election))
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
}
