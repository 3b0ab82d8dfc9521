import { playConformance } from '../../test/conformance/play.ts'
import { paxosClientConformance, paxosPeerConformance } from '../testing/paxos-conformance.ts'

playConformance(paxosClientConformance(), [
  'no evidence here: a client listens nowhere, so nobody can be refused by it: only its silence counts',
])
playConformance(paxosPeerConformance(), [
  'no delayReplies here: its sponsor is in its own process: no reply is late',
  'no loseNextReply here: its sponsor is in its own process: no reply is lost on the way',
])
