/** A peer of the classic bully across its crashes: the epochs that it took stay, its process comes and goes. */
import type { ClassicMessage, ClassicRecord } from '../../../protocols/bully/classic/types.ts'
import { BareMachine } from '../../bare/machine.ts'
import type { Surroundings } from '../../bare/surroundings.ts'
import type { CorePeerPlan } from '../../core/core-plan.ts'
import type { Incarnation } from '../../incarnation.ts'
import { ClassicProcess } from './classic-process.ts'
import type { ClassicBatch, ClassicHost, ClassicSurroundings } from './classic-surroundings.ts'

export class ClassicMachine extends BareMachine<ClassicProcess, ClassicMessage> implements ClassicHost {
  /** What is durable, and what is on its way, in that order. */
  readonly records: ClassicRecord[] = []
  readonly pending: ClassicBatch[] = []
  readonly #world: ClassicSurroundings

  constructor(
    world: ClassicSurroundings,
    stage: Surroundings<{ readonly id: string }, ClassicMessage>,
    { place, peer }: { readonly place: number; readonly peer: CorePeerPlan },
  ) {
    super(stage, place, peer)
    this.#world = world
  }

  protected override create(incarnation: Incarnation): ClassicProcess {
    this.#world.claims.started(this.place)
    return new ClassicProcess(this.#world, this, incarnation)
  }

  protected override crashed(process: ClassicProcess): void {
    for (const candidate of process.candidates) this.#world.claims.leading.delete(candidate)
    for (let left = this.chance.below(this.pending.length + 1); left > 0; left--) this.written()
    this.pending.length = 0
  }

  /** The number of the oldest batch, which is durable now. */
  written(): number | undefined {
    const batch = this.pending.shift()
    this.records.push(...(batch?.records ?? []))
    return batch?.sequence
  }
}
