/** The world of a bully with a quorum: what only it has, around the stage that all bare cores share. */
import { step as bullyStep } from '../../protocols/bully/step.ts'
import type { BullyMessage, Led } from '../../protocols/bully/types.ts'
import type { Configuration } from '../../protocols/quorum/types.ts'
import { Stage, type CallAction } from '../bare/stage.ts'
import type { BareLog } from '../bare/surroundings.ts'
import type { CandidatePlan, CorePlan } from '../core/core-plan.ts'
import type { Trace } from '../trace.ts'
import type { BullyCandidate } from './bully-candidate.ts'
import { BullyClaims } from './bully-claims.ts'
import { BullyMachine } from './bully-machine.ts'
import type { BullyStep, BullySurroundings } from './bully-surroundings.ts'

export class BullyWorld implements BullySurroundings {
  readonly plan: CorePlan
  readonly configuration: Configuration
  readonly preemptAfterMs: number | null
  readonly stage: Stage<BullyMachine, BullyMessage>
  readonly claims: BullyClaims
  readonly step: BullyStep
  readonly #electionsOf = new Map<string, number>()
  /** Waited for and led by nobody some time after the faults: how often it was led by then. */
  #vacant: ReadonlyMap<string, number> | null = null

  constructor(
    plan: CorePlan,
    trace: Trace,
    {
      step = bullyStep,
      log,
    }: { readonly step?: BullyStep | undefined; readonly log?: BareLog | undefined } = {},
  ) {
    this.plan = plan
    this.step = step
    const voters = plan.peers.map(({ name }) => name)
    this.configuration = { voters }
    const { electionTimeoutMs, heartbeatMs, leaseMs } = plan.timing
    this.claims = new BullyClaims({ voters: voters.length, leaseMs, now: () => this.stage.scheduler.now })
    this.stage = new Stage(
      'bully',
      { plan, trace, log },
      {
        machine: (stage, place, peer) => new BullyMachine(this, stage, { place, peer }),
        evidence: ({ id, process }, about) => {
          if (id !== about.id) process?.feed({ type: 'evidence', peer: about.id })
        },
        call: (machine, candidate, action) => this.#call(machine, candidate, action),
      },
    )
    this.preemptAfterMs = this.stage.chance.pick([null, null, 20 * heartbeatMs])
    const judgedMs = Math.max(3 * electionTimeoutMs[1], 4 * leaseMs)
    this.stage.scheduler.after(plan.simulatedMs - judgedMs, () => {
      this.#vacant = this.#vacancies()
    })
  }

  elected(id: string, { plan: { candidate: who, election }, token }: BullyCandidate): void {
    this.#electionsOf.set(election, (this.#electionsOf.get(election) ?? 0) + 1)
    this.stage.elected(id, { who, election, token })
  }

  observed(place: number, election: string, led: Led | null): void {
    this.stage.log?.(
      this.stage.machines[place]?.id ?? '',
      `sees ${led?.stand.of.id ?? 'nobody'} lead ${election}`,
    )
  }

  #call({ process }: BullyMachine, plan: CandidatePlan, { type }: CallAction): boolean {
    const candidate = process?.candidates.find((one) => one.plan === plan)
    if (process == null || candidate === undefined) return false
    if (type === 'transfer') candidate.transfer(this.stage.chance.pick(this.plan.candidates).candidate)
    else candidate[type]()
    process.settle()
    return true
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------

  /** Elections that somebody in the core waits for, and nobody leads, with how often they were led. */
  #vacancies(): Map<string, number> {
    const led = new Set(
      [...this.claims.leading].filter((one) => one.isValid()).map((one) => one.plan.election),
    )
    const vacant = new Map<string, number>()
    for (const { id, process } of this.stage.machines) {
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
}
