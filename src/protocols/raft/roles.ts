/** The four roles and how a peer moves between them (Raft §5.1, Figure 4; Dissertation §9.6 for the pre-candidate). */
import type { PeerId } from '../quorum/types.ts'
import { assertSafeInteger, invariant } from './assert.ts'
import { lastIndex, lastTerm, overwrite } from './log.ts'
import {
  announce,
  armTimer,
  cancelTimer,
  persistEntries,
  persistHardState,
  sendAfterLog,
  sendUnbound,
} from './outbox.ts'
import type { Outbox } from './outbox.ts'
import { believesForMs, heartbeatIntervalMs, leaderOf } from './state.ts'
import type { Progress, Raft } from './state.ts'
import { settleTransfer } from './transfer-outcome.ts'

/** Follows `leader` in `term`, or nobody yet. The vote survives unless the term is new. */
export function becomeFollower<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  term: number,
  leader: PeerId | null,
): void {
  invariant(term >= raft.term, `a peer of term ${raft.term} would fall back to ${term}`)
  const was = raft.role
  const newTerm = term > raft.term
  if (newTerm) {
    raft.term = term
    raft.votedFor = null
    persistHardState(raft, out)
  }
  const unchanged = !newTerm && was.name === 'follower' && was.leader === leader
  raft.role = { name: 'follower', leader }
  raft.heardLeader = false
  raft.successors = []
  raft.promise = null
  raft.promiseRound = 0
  raft.pulse = null
  cancelSuccession(raft, out)
  if (was.name === 'leader') cancelTimer(out, 'heartbeat')
  // A follower keeps its running timer: only a leader's message or a granted vote resets it (Raft §5.2).
  if (was.name !== 'follower') armElectionTimer(raft, out)
  if (!unchanged) announce(raft, out)
  if (was.name === 'leader')
    for (const read of was.reads) out.effects.push({ type: 'read-failed', id: read.id })
}

/** A valid message of the leader of our term came: it is alive, and nobody else may lead this term. */
export function followLeader<Data>(raft: Raft<Data>, out: Outbox<Data>, leader: PeerId): void {
  invariant(raft.role.name !== 'leader', `'${leader}' and '${raft.self}' both lead term ${raft.term}`)
  const known = leaderOf(raft)
  invariant(known === null || known === leader, `'${leader}' and '${known}' both lead term ${raft.term}`)
  if (known === null) becomeFollower(raft, out, raft.term, leader)
  settleTransfer(raft, out, leader)
  cancelSuccession(raft, out)
  hearLeader(raft, out)
}

/** Sticky for the minimum election timeout from now on, or for as long as the leader is believed in. */
export function hearLeader<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  const [min] = believesForMs(raft)
  raft.heardLeader = true
  raft.electionStage = 'minimum'
  armTimer(out, 'election', min, min)
}

/** Asks whether an election could be won, without disturbing anybody's term (Dissertation §9.6). */
export function becomePreCandidate<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  const again = raft.role.name === 'pre-candidate'
  const rounds = raft.role.name === 'pre-candidate' ? raft.role.rounds + 1 : 1
  assertSafeInteger('term', raft.term + 1)
  // The leader is forgotten: a pre-candidate that still named one would refuse the others (etcd#9586).
  raft.role = { name: 'pre-candidate', votes: new Map([[raft.self, true]]), rounds }
  raft.heardLeader = false
  raft.promise = null
  cancelSuccession(raft, out)
  armElectionTimer(raft, out)
  if (!again) announce(raft, out)
  for (const peer of raft.others) askPreVote(raft, out, peer)
}

export function askPreVote<Data>(raft: Raft<Data>, out: Outbox<Data>, peer: PeerId): void {
  sendUnbound(out, peer, {
    type: 'pre-vote',
    term: raft.term + 1,
    lastIndex: lastIndex(raft.log),
    lastTerm: lastTerm(raft.log),
  })
}

/**
 * Stands for election in the next term. The requests wait for the disk like any vote: they vouch for our own vote and
 * for the whole log, and a candidate that lost its tail in a crash must not win with what it claimed before.
 */
export function becomeCandidate<Data>(
  raft: Raft<Data>,
  out: Outbox<Data>,
  cause: 'election' | 'transfer',
): void {
  assertSafeInteger('term', raft.term + 1)
  raft.term += 1
  raft.votedFor = raft.self
  persistHardState(raft, out)
  raft.role = { name: 'candidate', votes: new Map(), voteSequence: raft.hardSequence }
  raft.heardLeader = false
  raft.successors = []
  raft.promise = null
  cancelSuccession(raft, out)
  armElectionTimer(raft, out)
  announce(raft, out)
  for (const peer of raft.others) {
    sendAfterLog(raft, out, peer, {
      type: 'vote',
      term: raft.term,
      lastIndex: lastIndex(raft.log),
      lastTerm: lastTerm(raft.log),
      transfer: cause === 'transfer',
    })
  }
}

/** Leads, and appends the no-op that lets it learn what is committed (Raft §8). */
export function becomeLeader<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  invariant(raft.role.name === 'candidate', `a ${raft.role.name} cannot become leader`)
  const firstIndex = lastIndex(raft.log) + 1
  const progress = new Map<PeerId, Progress>()
  for (const peer of raft.others) progress.set(peer, unknownProgress(firstIndex))
  raft.role = { name: 'leader', progress, firstIndex, round: 0, successors: raft.others, reads: [] }
  raft.heardLeader = false
  announce(raft, out)
  settleTransfer(raft, out, raft.self)
  overwrite(raft.log, [{ index: firstIndex, term: raft.term, data: null }])
  persistEntries(raft, out, firstIndex)
  const intervalMs = heartbeatIntervalMs(raft)
  armTimer(out, 'heartbeat', intervalMs, intervalMs)
  armCheckQuorum(raft, out)
}

function unknownProgress(next: number): Progress {
  return {
    match: 0,
    next,
    // Whoever voted for us most likely has our log. So what is proposed in this very turn, such as the grants of who died
    // with the last leader, follows the no-op at once; a refusal, or silence, makes it a probe.
    mode: 'replicate',
    inflight: [],
    silentBeats: 0,
    unheardBeats: 0,
    toldCommit: 0,
    round: 0,
    // Its vote, or its silence, was within the last election timeout: the first check asks about the time after that.
    active: false,
  }
}

/** A fresh random timeout (Raft §5.2), drawn by the driver. */
export function armElectionTimer<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  const [min, max] = raft.options.electionTimeoutMs
  raft.electionStage = 'spread'
  armTimer(out, 'election', min, max)
}

/** A leader's election timer: within each minimum timeout a majority must answer (Dissertation §6.2). */
export function armCheckQuorum<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  const [min] = raft.options.electionTimeoutMs
  armTimer(out, 'election', min, min)
}

export function cancelSuccession<Data>(raft: Raft<Data>, out: Outbox<Data>): void {
  if (!raft.successionArmed) return
  raft.successionArmed = false
  cancelTimer(out, 'succession')
}
