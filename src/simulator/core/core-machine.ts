/** A peer across its crashes: its disk and clock stay, its process comes and goes. */
import { createRaft, type Raft } from '../../protocols/raft/state.ts'
import type { Command } from '../../registry/types.ts'
import { BareMachine } from '../bare/machine.ts'
import type { Surroundings } from '../bare/surroundings.ts'
import type { Incarnation } from '../incarnation.ts'
import { CoreDisk } from './core-disk.ts'
import type { CorePeerPlan } from './core-plan.ts'
import { CoreProcess } from './core-process.ts'
import type { CoreHost, CoreSurroundings } from './core-surroundings.ts'
import type { Letter } from './letter.ts'

export class CoreMachine extends BareMachine<CoreProcess, Letter> implements CoreHost {
  readonly disk = new CoreDisk()
  /** Of the process that runs, or ran last. */
  raft: Raft<Command>
  readonly #world: CoreSurroundings

  constructor(
    world: CoreSurroundings,
    stage: Surroundings<CoreHost, Letter>,
    { place, peer }: { readonly place: number; readonly peer: CorePeerPlan },
  ) {
    super(stage, place, peer)
    this.#world = world
    const { timing, maxEntriesPerAppend, maxInflightAppends } = stage.plan
    const { heartbeatMs, electionTimeoutMs } = timing
    const { configuration } = world
    const pace = { heartbeatMs, electionTimeoutMs, rankStepMs: 10, maxEntriesPerAppend, maxInflightAppends }
    this.raft = createRaft({ self: this.id, configuration, ...pace }, this.disk)
  }

  protected override create(incarnation: Incarnation): CoreProcess {
    this.#world.claims.started(this.place)
    return new CoreProcess(this.#world, this, incarnation)
  }

  protected override crashed(process: CoreProcess): void {
    const { claims, raftChecks } = this.#world
    for (const candidate of process.candidates) claims.leading.delete(candidate)
    for (const { withdrawals } of this.disk.crash(this.chance))
      for (const withdrawal of withdrawals) claims.withdrew(this.place, withdrawal)
    claims.crashed(this.place)
    raftChecks.onCrash(this)
  }
}
