import { playConformance } from '../../test/conformance/play.ts'
import { bullyConformance } from '../testing/bully-conformance.ts'

playConformance(bullyConformance(), [
  'no delayReplies here: its peer is in its own process: no reply is late',
  'no loseNextReply here: its peer is in its own process: no reply is lost on the way',
])
