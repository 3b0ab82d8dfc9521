import type { CoreNetwork } from '../core/core-network.ts'
import type { CorePlan } from '../core/core-plan.ts'
import type { Scheduler } from '../scheduler.ts'

/** What happens, for people: in which process, what, and what else there is to say about it. */
export type BareLog = (actor: string, what: string, record?: object) => void

/** What a machine of the bare cores, and its process, see of the world around them. */
export interface Surroundings<Host, Letter> {
  /** Of the world, in the names of its streams of chance. */
  readonly name: string
  readonly plan: CorePlan
  readonly scheduler: Scheduler
  readonly network: CoreNetwork<Letter>
  readonly machines: readonly Host[]
  readonly log: BareLog | undefined
  placeOf(id: string): number
}
