/** Merges what the peers say of themselves into one report (INTERFACES §3, `status`). */
import type { Guarantee } from '../backends/backend.ts'
import type { ClusterView, EmbeddedBackend } from '../backends/cluster-view.ts'
import { majoritySize } from '../protocols/quorum/majority.ts'
import type { ElectionStatus, PeerStatus } from '../cluster/messages.ts'
import { AdvisoryLeader, Leader } from '../election/leader.ts'
import { leaderJson, type LeaderJson } from './reader.ts'

export interface PeerReport {
  readonly id: string
  readonly address: string
  readonly role: 'leader' | 'follower' | 'candidate' | 'learner' | 'unknown'
  readonly voter: boolean
  readonly reachable: boolean
  readonly lastHeardMs: number | null
  readonly term: string | null
  readonly appliedIndex: string | null
  readonly version: string | null
  /** Why it did not answer, or why the peer that was believed is not connected to it. */
  readonly problem: string | null
  readonly logBytes: number | null
}

export interface ElectionReport {
  readonly name: string
  readonly state: 'led' | 'vacant' | 'unknown'
  readonly leader: LeaderJson | null
  /** `none`: advisory, and one row for each leader that some part of the network has. */
  readonly exclusivity: 'time' | 'token' | 'none'
  readonly heldMs: number | null
  readonly expiresInMs: number | null
  readonly waiting: readonly { readonly id: string; readonly priority: number }[]
  readonly lastReason: string | null
}

export interface StatusReport {
  readonly at: number
  readonly backend: {
    readonly type: string
    readonly guarantee: 'linearizable' | 'advisory'
    readonly tokenSource: string
    readonly reachable: boolean
    /** Why it cannot be reached. A cluster says so of each of its peers. */
    readonly problem: string | null
  }
  readonly cluster: null | {
    readonly id: string
    readonly leader: string | null
    readonly term: string
    readonly quorum: { readonly size: number; readonly reachable: number; readonly ok: boolean }
    readonly peers: readonly PeerReport[]
  }
  readonly elections: readonly ElectionReport[]
}

/** The view to believe: the leader with the highest term, or else who applied most. A deposed leader may not know it yet. */
export function bestView({ answers }: ClusterView): PeerStatus | undefined {
  const ranked = answers.toSorted(
    (a, b) =>
      Number(b.quorum) - Number(a.quorum) ||
      Number(b.role === 'leader') - Number(a.role === 'leader') ||
      b.term - a.term ||
      b.appliedIndex - a.appliedIndex,
  )
  return ranked[0]
}

export function reportOf(
  backend: EmbeddedBackend<Guarantee>,
  view: ClusterView,
  election: string | undefined,
  at: number,
): StatusReport {
  const best = bestView(view)
  const { guarantee, tokenSource } = backend.facts
  const isAdvisory = guarantee === 'advisory'
  // Each part of a network that is split has a leader of its own: one peer is enough to say which.
  const ok = isAdvisory ? best !== undefined : best?.quorum === true
  const size = isAdvisory ? 1 : majoritySize(Object.keys(backend.peers).length)
  return {
    at,
    backend: { type: backend.engine, guarantee, tokenSource, reachable: best !== undefined, problem: null },
    cluster: {
      id: best?.cluster ?? backend.cluster,
      // Without a quorum nobody knows who leads; the last one known would be taken for the present one.
      leader: ok ? (best?.leader ?? null) : null,
      term: String(best?.term ?? 0),
      quorum: { size, reachable: view.answers.length, ok },
      peers: Object.entries(backend.peers).map(([id, address]) => {
        const report = peerReport(id, address, view, best)
        return backend.engine === 'raft' ? report : { ...report, ...withoutRoles }
      }),
    },
    elections: electionReports(
      electionsOf(backend, view),
      { ok, isAdvisory, scope: backend.cluster },
      election,
    ),
  }
}

/** Peers of an engine that has no leader of the cluster, no term and no log. */
const withoutRoles = { role: 'unknown', term: null, appliedIndex: null } as const

/** Raft's peers agree, and the best view is what counts; elsewhere a leader is whom a majority names. */
function electionsOf(backend: EmbeddedBackend<Guarantee>, view: ClusterView): readonly ElectionStatus[] {
  if (backend.engine === 'raft') return bestView(view)?.elections ?? []
  if (backend.facts.guarantee === 'advisory') return advisoryElections(view)
  const needed = majoritySize(Object.keys(backend.peers).length)
  const byName = new Map<string, ElectionStatus[]>()
  for (const row of view.answers.flatMap(({ elections }) => elections))
    byName.set(row.name, [...(byName.get(row.name) ?? []), row])
  return [...byName.values()].flatMap((rows) => {
    const led = rows.find(
      ({ leader }) =>
        leader !== null && rows.filter((row) => row.leader?.token === leader.token).length >= needed,
    )
    const longest = rows.toSorted((a, b) => b.waiting.length - a.waiting.length)[0]
    if (longest === undefined) return []
    const vacant = { leader: null, heldMs: null, expiresInMs: null }
    // Each peer tells why it let go of the last leader; what few tell may be older, or of somebody whom few had accepted.
    const lastReason =
      rows
        .map((row) => row.lastReason)
        .find((why, _, all) => all.filter((one) => one === why).length >= needed) ?? null
    return [{ ...(led ?? { ...longest, ...vacant }), waiting: longest.waiting, lastReason }]
  })
}

/** One row for each leader that some peer follows; of an election that nobody leads, one. */
function advisoryElections({ answers }: ClusterView): readonly ElectionStatus[] {
  const byLeader = new Map<string, ElectionStatus>()
  const led = new Set<string>()
  for (const row of answers.flatMap(({ elections }) => elections)) {
    if (row.leader !== null) led.add(row.name)
    const key = JSON.stringify([row.name, row.leader?.id, row.leader?.token.toString()])
    const known = byLeader.get(key)
    if (known === undefined || known.waiting.length < row.waiting.length) byLeader.set(key, row)
  }
  return [...byLeader.values()].filter(({ name, leader }) => leader !== null || !led.has(name))
}

function peerReport(
  id: string,
  address: string,
  view: ClusterView,
  best: PeerStatus | undefined,
): PeerReport {
  const answer = view.answers.find(({ peer }) => peer === id)
  const heard = best?.peers.find((peer) => peer.id === id)
  return {
    id,
    address,
    role: answer?.role ?? 'unknown',
    voter: true,
    reachable: answer !== undefined,
    lastHeardMs: id === best?.peer ? 0 : (heard?.lastHeardMs ?? null),
    term: answer === undefined ? null : String(answer.term),
    appliedIndex: answer === undefined ? null : String(answer.appliedIndex),
    version: answer?.version ?? null,
    problem: view.silent.find(({ peer }) => peer === id)?.reason ?? heard?.problem ?? null,
    logBytes: answer?.logBytes ?? null,
  }
}

interface Knowledge {
  readonly ok: boolean
  readonly isAdvisory: boolean
  readonly scope: string
}

function electionReports(
  elections: readonly ElectionStatus[],
  known: Knowledge,
  wanted: string | undefined,
): readonly ElectionReport[] {
  const found = elections.filter(({ name }) => wanted === undefined || name === wanted)
  if (wanted !== undefined && found.length === 0) return [nobodyStood(wanted, known)]
  return found.map((election) => electionReport(election, known))
}

function electionReport(election: ElectionStatus, { ok, isAdvisory, scope }: Knowledge): ElectionReport {
  const { leader, waiting, ...rest } = election
  return {
    name: rest.name,
    state: !ok ? 'unknown' : leader === null ? 'vacant' : 'led',
    leader:
      leader === null
        ? null
        : leaderJson(isAdvisory ? new AdvisoryLeader(leader) : new Leader(leader, scope)),
    exclusivity: isAdvisory ? 'none' : rest.exclusivity,
    // Without a quorum the last leader known may be long gone, and a lone peer's clock says nothing about it.
    heldMs: ok ? rest.heldMs : null,
    expiresInMs: ok ? rest.expiresInMs : null,
    waiting,
    lastReason: rest.lastReason,
  }
}

function nobodyStood(name: string, { ok, isAdvisory }: Knowledge): ElectionReport {
  const state = ok ? 'vacant' : 'unknown'
  const nothing = { leader: null, heldMs: null, expiresInMs: null, waiting: [], lastReason: null }
  return { name, state, exclusivity: isAdvisory ? 'none' : 'time', ...nothing }
}
