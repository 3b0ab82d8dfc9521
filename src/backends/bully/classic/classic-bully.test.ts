import { playConformance } from '../../../../test/conformance/play.ts'
import { classicBullyConformance } from '../../../testing/bully-conformance.ts'

playConformance(classicBullyConformance(), [
  'no delayReplies here: its sponsor is in its own process: no reply is late',
  'no loseNextReply here: its sponsor is in its own process: no reply is lost on the way',
  'its leaderships have a rank and no token',
  'whoever is cut off is a part of the network, and has a leader',
])
