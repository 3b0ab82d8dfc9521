/** A peer across its crashes: its disk and clock stay, its process comes and goes. */
import type { AcceptorRecord } from '../../protocols/paxos/types.ts'
import { BareMachine } from '../bare/machine.ts'
import type { Surroundings } from '../bare/surroundings.ts'
import type { CorePeerPlan } from '../core/core-plan.ts'
import type { Incarnation } from '../incarnation.ts'
import { PaxosProcess, type PaxosHost, type PaxosLetter, type PaxosSurroundings } from './paxos-process.ts'

export class PaxosMachine extends BareMachine<PaxosProcess, PaxosLetter> implements PaxosHost {
  disk: AcceptorRecord | null = null
  readonly pending: AcceptorRecord[] = []
  writtenAt = 0
  readonly #world: PaxosSurroundings

  constructor(
    world: PaxosSurroundings,
    stage: Surroundings<PaxosHost, PaxosLetter>,
    { place, peer }: { readonly place: number; readonly peer: CorePeerPlan },
  ) {
    super(stage, place, peer)
    this.#world = world
  }

  protected override create(incarnation: Incarnation): PaxosProcess {
    return new PaxosProcess(this.#world, this, incarnation)
  }

  protected override crashed(process: PaxosProcess): void {
    const { claims } = this.#world
    const { session } = process.session
    for (const leading of [...claims.leading]) if (leading.session === session) claims.ended(leading)
    const last = this.#stopsInOrder(process) ? process.lastRecord() : null
    if (last !== null) this.disk = last
    else this.#loses()
    this.pending.length = 0
    this.writtenAt = 0
  }

  /** As an operator does it, who restarts one peer after the other. */
  #stopsInOrder({ incarnation }: PaxosProcess): boolean {
    return !incarnation.frozen && this.chance.chance(0.3)
  }

  /** What was on its way is lost, or only the word that it arrived. */
  #loses(): void {
    for (let left = this.chance.below(this.pending.length + 1); left > 0; left--)
      this.disk = this.pending.shift() ?? this.disk
  }
}
