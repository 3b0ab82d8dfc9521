/** The world of the bare Raft cores: what only they have, around the stage that all bare cores share. */
import type { Configuration } from '../../protocols/quorum/types.ts'
import { leaderOf } from '../../protocols/raft/state.ts'
import { step as raftStep } from '../../protocols/raft/step.ts'
import { SafetyChecks } from '../../protocols/raft/testing/safety-checks.ts'
import type { Command } from '../../registry/types.ts'
import { Stage, type CallAction, type OwnAction } from '../bare/stage.ts'
import type { BareLog } from '../bare/surroundings.ts'
import type { Trace } from '../trace.ts'
import type { CoreCandidate } from './core-candidate.ts'
import { CoreClaims } from './core-claims.ts'
import { CoreMachine } from './core-machine.ts'
import type { CoreSurroundings, RaftStep } from './core-surroundings.ts'
import type { CandidatePlan, CorePlan } from './core-plan.ts'
import type { Letter } from './letter.ts'

export class CoreWorld implements CoreSurroundings {
  readonly plan: CorePlan
  readonly configuration: Configuration
  readonly stage: Stage<CoreMachine, Letter>
  readonly claims: CoreClaims
  readonly raftChecks = new SafetyChecks<Command>()
  readonly step: RaftStep
  #reads = 0
  /** Entries of the committed log that the claims know. */
  #known = 0
  #raftLeader: string
  /** What was so some time after the faults, when nothing is to change any more. */
  #settled: { readonly term: number | null; readonly vacant: ReadonlyMap<string, string> } | null = null

  constructor(
    plan: CorePlan,
    trace: Trace,
    {
      step = raftStep,
      log,
    }: { readonly step?: RaftStep | undefined; readonly log?: BareLog | undefined } = {},
  ) {
    this.plan = plan
    this.step = step
    const voters = plan.peers.map(({ name }) => name)
    this.configuration = { voters }
    this.#raftLeader = voters[0] ?? ''
    const { electionTimeoutMs, leaseMs } = plan.timing
    this.claims = new CoreClaims({
      voters: voters.length,
      leaseMs,
      tokenBase: plan.tokenBase,
      now: () => this.stage.scheduler.now,
    })
    this.stage = new Stage(
      'core',
      { plan, trace, log },
      {
        machine: (stage, place, peer) => new CoreMachine(this, stage, { place, peer }),
        clusterLeader: () => this.#raftLeader,
        evidence: ({ process }, { id }) => process?.evidence(id),
        call: (machine, candidate, action) => this.#call(machine, candidate, action),
        ownAction: (machine, action) => this.#ownAction(machine, action),
      },
    )
    const judgedMs = Math.max(3 * electionTimeoutMs[1], 3 * leaseMs)
    this.stage.scheduler.after(plan.simulatedMs - judgedMs, () => {
      this.#settled = { term: this.#ledTerm(), vacant: this.#vacancies() }
    })
  }

  get checked(): Readonly<Record<string, number>> {
    return this.raftChecks.evaluations
  }

  get raftElections(): number {
    return this.raftChecks.leaders
  }

  // ---- what processes do ---------------------------------------------------------------------------------------------

  led(id: string, term: number): void {
    this.#raftLeader = id
    this.stage.log?.(id, `leads term ${term}`)
  }

  /** Something was committed, perhaps for the first time. */
  learned(): void {
    const { committed } = this.raftChecks
    for (; this.#known < committed.length; this.#known++) {
      const entry = committed[this.#known]
      if (entry !== undefined) this.claims.learned(entry)
    }
  }

  elected(id: string, { plan: { candidate: who, election }, token }: CoreCandidate): void {
    this.stage.elected(id, { who, election, token })
  }

  // ---- what is done to them --------------------------------------------------------------------------------------------

  #call({ process }: CoreMachine, plan: CandidatePlan, { type }: CallAction): boolean {
    const candidate = process?.candidates.find((one) => one.plan === plan)
    if (process == null || candidate === undefined) return false
    if (type === 'transfer') candidate.transfer(this.stage.chance.pick(this.plan.candidates).candidate)
    else candidate[type]()
    process.settle()
    return true
  }

  #ownAction({ process }: CoreMachine, action: OwnAction): boolean {
    if (action.type === 'read') {
      this.#reads += 1
      this.raftChecks.onRead(this.#reads)
      process?.feed({ type: 'read', id: this.#reads })
    } else process?.feed({ type: 'transfer', to: action.to })
    return true
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------

  /** The term in which one peer leads all of the core; null: there is none. */
  #ledTerm(): number | null {
    for (const { id, raft, process } of this.stage.machines) {
      if (process === null || raft.role.name !== 'leader') continue
      const follows = this.plan.core.every((name) => {
        const one = this.stage.machineOf(name)
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
      const peers = this.stage.machines.map(({ id, raft, process }) =>
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
    return this.stage.machines.some(
      ({ id, process }) =>
        this.plan.core.includes(id) &&
        process?.candidates.some((candidate) => candidate.session === session) === true,
    )
  }
}
