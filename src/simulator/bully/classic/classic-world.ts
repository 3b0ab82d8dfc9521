/** The world of a classic bully: what only it has, around the stage that all bare cores share. */
import type { ClassicMessage } from '../../../protocols/bully/classic/types.ts'
import { Stage, type CallAction } from '../../bare/stage.ts'
import type { BareLog } from '../../bare/surroundings.ts'
import type { CandidatePlan, CorePlan } from '../../core/core-plan.ts'
import type { Trace } from '../../trace.ts'
import type { ClassicCandidate } from './classic-candidate.ts'
import { about, ClassicClaims } from './classic-claims.ts'
import { ClassicMachine } from './classic-machine.ts'

/** Of one election in the core, at some instant. */
interface Seen {
  /** How often it was led by then. */
  readonly elections: number
  readonly isWaitedFor: boolean
  /** Sessions that lead it. */
  readonly leaders: readonly ClassicCandidate[]
}

export class ClassicWorld {
  readonly plan: CorePlan
  readonly stage: Stage<ClassicMachine, ClassicMessage>
  readonly claims: ClassicClaims
  readonly #electionsOf = new Map<string, number>()
  /** Some time after the faults, and some time before the end. */
  #early: ReadonlyMap<string, Seen> | null = null

  constructor(plan: CorePlan, trace: Trace, log: BareLog | undefined) {
    this.plan = plan
    this.claims = new ClassicClaims(plan.timing)
    this.stage = new Stage(
      'classic bully',
      { plan, trace, log },
      {
        machine: (stage, place, peer) => new ClassicMachine(this, stage, { place, peer }),
        evidence: ({ id, process }, life) => {
          if (id !== life.id) process?.feed({ type: 'evidence', peer: life.id })
        },
        call: (machine, candidate, action) => this.#call(machine, candidate, action),
      },
    )
    const { electionTimeoutMs, leaseMs } = plan.timing
    const judgedMs = Math.max(3 * electionTimeoutMs[1], 4 * leaseMs)
    this.stage.scheduler.after(plan.simulatedMs - judgedMs, () => {
      this.#early = this.#look()
    })
  }

  elected(id: string, { plan: { candidate: who, election }, epoch }: ClassicCandidate): void {
    this.#electionsOf.set(election, (this.#electionsOf.get(election) ?? 0) + 1)
    this.stage.elected(id, { who, election, token: epoch })
  }

  #call({ process }: ClassicMachine, plan: CandidatePlan, { type }: CallAction): boolean {
    const candidate = process?.candidates.find((one) => one.plan === plan)
    if (process == null || candidate === undefined) return false
    if (type === 'transfer') candidate.transfer(this.stage.chance.pick(this.plan.candidates).candidate)
    else candidate[type]()
    process.settle()
    return true
  }

  #look(): Map<string, Seen> {
    const seen = new Map<string, Seen>()
    for (const { id, process } of this.stage.machines) {
      if (process === null || !this.plan.core.includes(id)) continue
      for (const candidate of process.candidates) {
        const { election } = candidate.plan
        const last = seen.get(election) ?? { elections: 0, isWaitedFor: false, leaders: [] }
        seen.set(election, {
          elections: this.#electionsOf.get(election) ?? 0,
          isWaitedFor: last.isWaitedFor || candidate.wants,
          leaders: candidate.isValid() ? [...last.leaders, candidate] : last.leaders,
        })
      }
    }
    return seen
  }

  /** What is so at both instants is so for good: two who lead, or somebody who waits while nobody does. */
  end(): void {
    if (!this.plan.isJudgedWhole || this.#early === null) return
    const late = this.#look()
    for (const [election, early] of this.#early) {
      const now = late.get(election)
      if (now === undefined) continue
      const both = now.leaders.filter((one) => early.leaders.includes(one))
      this.claims.ensure(both.length <= 1, 'one-leader', () => {
        return `${both.map(about).join(' and ')} lead, long after the faults and to the end`
      })
      const isVacant = (one: Seen): boolean => one.isWaitedFor && one.leaders.length === 0
      const isStuck = isVacant(early) && isVacant(now) && early.elections === now.elections
      this.claims.ensure(!isStuck, 'vacancy-ends', () => {
        return `'${election}' is waited for and led by nobody, long after the faults and to the end`
      })
    }
  }
}
