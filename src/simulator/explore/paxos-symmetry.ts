/**
 * Acceptors are alike: nothing in `protocols/paxos` or in the counting of majorities compares their names, a proposer only
 * keeps records by name. So two states that differ by which acceptor is called what have the same future.
 */
import type { Campaign } from '../../protocols/paxos/proposer/state.ts'
import { acceptors, type ProposerProcess } from './paxos-parts.ts'

/** Place i goes to place order[i]. */
export type Order = readonly number[]

function namedBy(order: Order): (name: string) => string {
  return (name) => acceptors[order[acceptors.indexOf(name)] ?? 0] ?? name
}

export function renamedProposer(process: ProposerProcess, order: Order): ProposerProcess {
  const naming = namedBy(order)
  const keys = <Value>(map: ReadonlyMap<string, Value>): Map<string, Value> =>
    new Map([...map].map(([name, value]) => [naming(name), value]))
  const names = (set: ReadonlySet<string>): Set<string> => new Set([...set].map(naming))
  const { proposer } = process
  const { holder } = proposer
  const renamed = new Map<Campaign, Campaign>()
  for (const campaign of proposer.campaigns.values()) {
    const { accepted, blockedBy, round } = campaign
    renamed.set(campaign, {
      ...campaign,
      accepted: keys(accepted),
      blockedBy: names(blockedBy),
      round: round && { ...round, promised: names(round.promised), refused: keys(round.refused) },
    })
  }
  const same = (set: ReadonlySet<Campaign>): Set<Campaign> =>
    new Set([...set].map((campaign) => renamed.get(campaign) ?? campaign))
  return {
    ...process,
    proposer: {
      ...proposer,
      holder: { ...holder, acknowledged: keys(holder.acknowledged), incarnations: keys(holder.incarnations) },
      campaigns: new Map([...renamed.values()].map((campaign) => [campaign.instance, campaign])),
      proposing: same(proposer.proposing),
      dirty: same(proposer.dirty),
      acceptors: keys(proposer.acceptors),
    },
  }
}
