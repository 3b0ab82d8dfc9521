/** One peer's view of the cluster and its elections, as `mandate status` merges it with the others'. */
import type { PeerId } from '../protocols/quorum/types.ts'
import type { Raft } from '../protocols/raft/state.ts'
import { lastHeardMs, type Voter } from '../protocols/support/voter.ts'
import type { ElectionState, Registry } from '../registry/registry.ts'
import type { Command } from '../registry/types.ts'
import type { Evidence } from './evidence.ts'
import type { PeerOptions } from './peer-options.ts'
import type { ElectionStatus, HolderMessage, PeerMessage, PeerStatus, SponsorMessage } from './messages.ts'
import type { Transport } from '../seams/transport.ts'

export interface PeerStatusSource {
  readonly options: PeerOptions
  readonly raft: Raft<Command>
  readonly leader: PeerId | null
  readonly quorum: boolean
  readonly registry: Registry
  readonly voter: Voter
  readonly appliedIndex: number
  readonly evidence: Evidence
  readonly transport: Transport<PeerMessage, HolderMessage, SponsorMessage>
  readonly lastHeard: ReadonlyMap<PeerId, number>
  readonly heldSince: ReadonlyMap<string, number>
  /** Only this election; null = all. */
  readonly election: string | null
}

/** Elections listed in one answer, by what they may weigh: a cluster may hold many more than fit a frame of 4 MiB. */
const electionsBytesMax = 512 * 1024

export function peerStatus(source: PeerStatusSource): PeerStatus {
  const { options, raft, registry, transport } = source
  const now = options.clock.lower()
  return {
    peer: options.self,
    cluster: options.cluster,
    version: options.version,
    role: raft.role.name === 'pre-candidate' ? 'candidate' : raft.role.name,
    term: raft.term,
    leader: source.leader,
    quorum: source.quorum,
    commitIndex: raft.commitIndex,
    appliedIndex: source.appliedIndex,
    logBytes: options.storage.bytes(),
    logBytesMax: options.logBytesMax,
    peers: Object.entries(options.peers).map(([id, address]) => {
      const isSelf = id === options.self
      const heard = source.lastHeard.get(id)
      return {
        id,
        address,
        reachable: isSelf || source.evidence.connected(id),
        lastHeardMs: isSelf ? 0 : heard === undefined ? null : now - heard,
        problem: isSelf ? null : (transport.problem(id) ?? null),
      }
    }),
    elections: [...chosen(registry, source.election)].map(([name, election]) => ({
      name,
      ...electionStatus(source, name, election, now),
    })),
  }
}

function* chosen(registry: Registry, name: string | null): Iterable<[string, ElectionState]> {
  if (name !== null) {
    const election = registry.elections.get(name)
    if (election !== undefined) yield [name, election]
    return
  }
  let bytes = 0
  for (const entry of registry.elections) {
    bytes += weightOf(entry[1])
    if (bytes > electionsBytesMax) return
    yield entry
  }
}

/** In JSON, roughly; characters that JSON escapes may take up to six times as much. */
function weightOf({ name, holder, queue }: ElectionState): number {
  let bytes = 200 + name.length + 100 * queue.size
  for (const [key, value] of Object.entries(holder?.metadata ?? {})) bytes += key.length + value.length
  return bytes
}

function electionStatus(
  source: PeerStatusSource,
  name: string,
  election: ElectionState,
  now: number,
): Omit<ElectionStatus, 'name'> {
  const { holder } = election
  const session = holder === null ? undefined : source.registry.sessions.get(holder.session)
  const heard = holder === null ? null : lastHeardMs(source.voter, holder.session)
  const since = source.heldSince.get(name)
  return {
    exclusivity: election.exclusivity,
    leader: holder === null ? null : { id: holder.id, token: holder.token, metadata: holder.metadata },
    heldMs: since === undefined ? null : now - since,
    expiresInMs: session === undefined || heard === null ? null : Math.max(0, heard + session.leaseMs - now),
    waiting: [...election.queue].map(([key, waiter]) => ({
      id: source.registry.sessions.get(key)?.id ?? key,
      priority: waiter.priority,
    })),
    lastReason: election.lastReason,
  }
}
