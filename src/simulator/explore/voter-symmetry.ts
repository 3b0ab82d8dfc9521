/**
 * Voters are alike: nothing in `protocols/support` or in the counting of majorities compares their names, each only keeps
 * records by name. So two states that differ by who is called what have the same future, and one of them is enough.
 */
import type { Holder } from '../../protocols/support/holder.ts'
import type { SupportMessage } from '../../protocols/support/types.ts'
import type { HolderProcess, VoterProcess } from './support-parts.ts'

/** Of three voters: place i goes to place order[i]. */
export const orders: readonly (readonly number[])[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
]

type Naming = (name: string) => string

export function renamedVoter(process: VoterProcess, name: string): VoterProcess {
  const own: Naming = (one) => (one === process.name ? name : one)
  return {
    ...process,
    name,
    voter: { ...process.voter, self: name },
    gated: process.gated.map((one) => ({ ...one, message: renamedMessage(one.message, own) })),
  }
}

export function renamedHolder(process: HolderProcess, naming: Naming): HolderProcess {
  const { holder } = process
  const renamed = <Value>(map: ReadonlyMap<string, Value>): Map<string, Value> =>
    new Map([...map].map(([voter, value]) => [naming(voter), value]))
  const copy: Holder<number> = {
    ...holder,
    acknowledged: renamed(holder.acknowledged),
    incarnations: renamed(holder.incarnations),
    refusals: renamed(holder.refusals),
  }
  return { ...process, holder: copy }
}

export function renamedMessage(message: SupportMessage, naming: Naming): SupportMessage {
  return 'voter' in message ? { ...message, voter: naming(message.voter) } : message
}
