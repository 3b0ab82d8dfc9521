import { playConformance } from '../../test/conformance/play.ts'
import { raftClientConformance, raftPeerConformance } from '../testing/raft-conformance.ts'

playConformance(raftClientConformance(), [
  'no evidence here: a client listens nowhere, so nobody can be refused by it: only its silence counts',
])
playConformance(raftPeerConformance(), [
  'in token mode a silence of 2.5 heartbeats is evidence of death (DESIGN §4.2)',
  'no delayReplies here: its sponsor is in its own process: no reply is late',
  'no loseNextReply here: its sponsor is in its own process: no reply is lost on the way',
])
