/** The models that `mandate simulate --explore` runs, with their bounds. */
import { explore, type Exploration } from './explorer.ts'
import type { Model } from './model.ts'
import { everybody, oneInstant as paxosBounds } from './paxos-bounds.ts'
import { PaxosModel } from './paxos-model.ts'
import { RaftModel } from './raft-model.ts'
import { RegistryModel } from './registry-model.ts'
import { SupportModel } from './support-model.ts'

const unlimited = 15
/** By name; the largest first, so that two workers end at about the same time. */
export const models: Readonly<Record<string, () => Model>> = {
  /** Two terms and a crash at any point between a decision and its durability; any number of timeouts. */
  'raft-crash': () =>
    new RaftModel('raft-crash', {
      peers: 3,
      terms: 2,
      preVotes: 'granted',
      timeouts: unlimited,
      disk: 'slow',
      crashes: 1,
      proposals: 0,
      heartbeats: 0,
      evidence: 0,
      transfers: 0,
    }),
  /** A proposal besides the leader's own entry. */
  'raft-log': () =>
    new RaftModel('raft-log', {
      peers: 3,
      terms: 1,
      preVotes: 'granted',
      timeouts: unlimited,
      disk: 'slow',
      crashes: 1,
      proposals: 1,
      heartbeats: 0,
      evidence: 0,
      transfers: 0,
    }),
  /** Pre-votes and stickiness as they are. */
  'raft-pre-vote': () =>
    new RaftModel('raft-pre-vote', {
      peers: 3,
      terms: 2,
      preVotes: 'asked',
      timeouts: 4,
      disk: 'prompt',
      crashes: 0,
      proposals: 0,
      heartbeats: 0,
      evidence: 0,
      transfers: 0,
    }),
  /** A lease in small steps: what the margins for drift are worth. */
  support: () =>
    new SupportModel('support', {
      epochs: 1,
      keepalives: 1,
      crashes: 0,
      leaseMs: 8,
      tickMs: 0,
      clocks: 'worst',
      symmetric: true,
    }),
  /** A shorter lease, and a voter that dies between its decision, its record and its answer. */
  'support-crash': () =>
    new SupportModel('support-crash', {
      epochs: 1,
      keepalives: 1,
      crashes: 1,
      leaseMs: 4,
      tickMs: 0,
      clocks: 'worst',
      symmetric: true,
    }),
  /** One instant, so that no lease runs out: what a restart forgets at any point of a round of each. */
  'paxos-restart': () =>
    new PaxosModel('paxos-restart', { ...paxosBounds, tops: [0, 1], reached: everybody, crashes: 1 }),
  /** One instant, and a second round of one of them: after it lost, or after it won and an acceptor refuses it. */
  'paxos-rounds': () =>
    new PaxosModel('paxos-rounds', { ...paxosBounds, rounds: [2, 1], reached: everybody }),
  /** Until a lease has run out and the other one may lead; two majorities that share one acceptor. */
  'paxos-lease': () =>
    new PaxosModel('paxos-lease', { ...paxosBounds, rounds: [2, 1], tops: [0, 1], leaseMs: 1, endsAt: 2 }),
  /** The same in one round each, with a restart: who restarted must wait for the lease, and no longer. */
  'paxos-lease-crash': () =>
    new PaxosModel('paxos-lease-crash', { ...paxosBounds, tops: [0, 1], leaseMs: 1, endsAt: 2, crashes: 1 }),
  /** Acceptors that stop in order or die, two times; a ballot above every ceiling gets in at once after that. */
  'paxos-stop': () =>
    new PaxosModel('paxos-stop', { ...paxosBounds, tops: [0, 2 ** 20], crashes: 2, stops: true }),
  registry: () => new RegistryModel('registry', { sessions: 3, entries: 6 }),
}

export function exploreByName(name: string, progress: (states: number) => void): Exploration {
  const model = models[name]
  if (model === undefined) throw new RangeError(`no model '${name}': ${Object.keys(models).join(', ')}`)
  return explore(model(), {
    now: () => performance.now(),
    onProgress: ({ states }) => {
      progress(states)
      return false
    },
  })
}
