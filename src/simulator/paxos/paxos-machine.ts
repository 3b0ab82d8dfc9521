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

  protected override crashed({ session: { session } }: PaxosProcess): void {
    const { claims } = this.#world
    for (const leading of [...claims.leading]) if (leading.session === session) claims.ended(leading)
    for (let left = this.chance.below(this.pending.length + 1); left > 0; left--)
      this.disk = this.pending.shift() ?? this.disk
    this.pending.length = 0
    this.writtenAt = 0
  }
}
