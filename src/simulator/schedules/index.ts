/** All of them, the quickest first. */
import { bullyVoterRules } from './bully-voter-rules.ts'
import { clockSteps } from './clock-steps.ts'
import { deadlinePasses } from './deadline-passes.ts'
import { deafHolder } from './deaf-holder.ts'
import { deafVoter } from './deaf-voter.ts'
import { disturbedLeader } from './disturbed-leader.ts'
import { earlierSession } from './earlier-session.ts'
import { falseEvidence } from './false-evidence.ts'
import { figure8 } from './figure-8.ts'
import { forgetfulVoter } from './forgetful-voter.ts'
import { freedPeer } from './freed-peer.ts'
import { frozenLeaders } from './frozen-leaders.ts'
import { halves } from './halves.ts'
import { illLeader } from './ill-leader.ts'
import { laggingSponsor } from './lagging-sponsor.ts'
import { lateAnswers } from './late-answers.ts'
import { leaseRecords } from './lease-records.ts'
import { logsThatDiffer } from './logs-that-differ.ts'
import { lostAnswers } from './lost-answers.ts'
import { nothingLeavesBeforeTheDisk } from './nothing-leaves-before-the-disk.ts'
import { operatorAsks } from './operator-asks.ts'
import { oneVote } from './one-vote.ts'
import { paxosAcceptorRules } from './paxos-acceptor-rules.ts'
import { paxosAmnesia } from './paxos-amnesia.ts'
import { paxosCleanStop } from './paxos-clean-stop.ts'
import { paxosNobodyWaits } from './paxos-nobody-waits.ts'
import { paxosTokenOrder } from './paxos-token-order.ts'
import { paxosProposerRules } from './paxos-proposer-rules.ts'
import { registryJudgesAgain } from './registry-judges-again.ts'
import { restoredFolder } from './restored-folder.ts'
import type { Schedule } from './schedule.ts'
import { secondLife } from './second-life.ts'
import { sessionsWithoutALog } from './sessions-without-a-log.ts'
import { silenceBeginsLate } from './silence-begins-late.ts'
import { slowAcknowledgements } from './slow-acknowledgements.ts'
import { staleReads } from './stale-reads.ts'
import { stalledLoop } from './stalled-loop.ts'
import { transferWaits } from './transfer-waits.ts'
import { standsStillWhileSending } from './stands-still-while-sending.ts'
import { unheardSponsor } from './unheard-sponsor.ts'
import { tunedPatience } from './tuned-patience.ts'
import { workDrains } from './work-drains.ts'
import { worstClocks } from './worst-clocks.ts'

export const schedules: readonly Schedule[] = [
  figure8,
  oneVote,
  lateAnswers,
  disturbedLeader,
  freedPeer,
  logsThatDiffer,
  staleReads,
  transferWaits,
  nothingLeavesBeforeTheDisk,
  forgetfulVoter,
  bullyVoterRules,
  sessionsWithoutALog,
  paxosAmnesia,
  paxosAcceptorRules,
  paxosProposerRules,
  paxosCleanStop,
  paxosNobodyWaits,
  paxosTokenOrder,
  restoredFolder,
  secondLife,
  silenceBeginsLate,
  worstClocks,
  slowAcknowledgements,
  standsStillWhileSending,
  stalledLoop,
  registryJudgesAgain,
  lostAnswers,
  operatorAsks,
  earlierSession,
  laggingSponsor,
  leaseRecords,
  deadlinePasses,
  workDrains,
  illLeader,
  falseEvidence,
  clockSteps,
  frozenLeaders,
  halves,
  deafVoter,
  deafHolder,
  unheardSponsor,
  tunedPatience,
]
