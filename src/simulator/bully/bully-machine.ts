/** A peer across its crashes: its disk and clock stay, its process comes and goes. */
import type { BullyMessage, BullyRecord } from '../../protocols/bully/types.ts'
import { BareMachine } from '../bare/machine.ts'
import type { Surroundings } from '../bare/surroundings.ts'
import type { CorePeerPlan } from '../core/core-plan.ts'
import type { Incarnation } from '../incarnation.ts'
import { BullyProcess } from './bully-process.ts'
import type { Batch, BullyHost, BullySurroundings } from './bully-surroundings.ts'

export class BullyMachine extends BareMachine<BullyProcess, BullyMessage> implements BullyHost {
  /** What is durable, and what is on its way, in that order. */
  readonly records: BullyRecord[] = []
  readonly pending: Batch[] = []
  readonly #world: BullySurroundings

  constructor(
    world: BullySurroundings,
    stage: Surroundings<BullyHost, BullyMessage>,
    { place, peer }: { readonly place: number; readonly peer: CorePeerPlan },
  ) {
    super(stage, place, peer)
    this.#world = world
  }

  protected override create(incarnation: Incarnation): BullyProcess {
    this.#world.claims.started(this.place)
    return new BullyProcess(this.#world, this, incarnation)
  }

  protected override crashed(process: BullyProcess): void {
    const { claims } = this.#world
    for (const candidate of process.candidates) claims.leading.delete(candidate)
    for (let left = this.chance.below(this.pending.length + 1); left > 0; left--) this.written()
    this.pending.length = 0
    claims.crashed(this.place)
  }

  /** The oldest batch is durable now. */
  written(): Batch | undefined {
    const batch = this.pending.shift()
    for (const record of batch?.records ?? []) {
      this.records.push(record)
      this.#world.claims.durable(this.place, record)
    }
    return batch
  }
}
