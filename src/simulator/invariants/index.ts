/** All that is held against every simulated run, in the order in which a violation is looked for. */
import type { Protocol } from '../sweep/level.ts'
import { answeredLeaderStays } from './answered-leader-stays.ts'
import { batchOnce } from './batch-once.ts'
import { callbackDiscipline } from './callback-discipline.ts'
import { committedIsDurable } from './committed-is-durable.ts'
import { coreCatchesUp } from './core-catches-up.ts'
import { coreIsLed } from './core-is-led.ts'
import { durableBeforeTold } from './durable-before-told.ts'
import { electedByMajority } from './elected-by-majority.ts'
import { electionSafety } from './election-safety.ts'
import { endsByItself } from './ends-by-itself.ts'
import { epochsFromTheLog } from './epochs-from-the-log.ts'
import { everythingSettles } from './everything-settles.ts'
import { exclusivity } from './exclusivity.ts'
import { expireNeedsMajority } from './expire-needs-majority.ts'
import { fencedEffects } from './fenced-effects.ts'
import { freedAfterLoss } from './freed-after-loss.ts'
import { grantInAVacancy } from './grant-in-a-vacancy.ts'
import { handoverIsQuick } from './handover-is-quick.ts'
import { heardByMajority } from './heard-by-majority.ts'
import type { Invariant } from './invariant.ts'
import { leaderAppendOnly } from './leader-append-only.ts'
import { leaderCompleteness } from './leader-completeness.ts'
import { leaderStepsDown } from './leader-steps-down.ts'
import { leadersStay } from './leaders-stay.ts'
import { logMatching } from './log-matching.ts'
import { neverInherits } from './never-inherits.ts'
import { noGhostWin } from './no-ghost-win.ts'
import { noSupportAfterWithdrawal } from './no-support-after-withdrawal.ts'
import { nothingFails } from './nothing-fails.ts'
import { observerOrder } from './observer-order.ts'
import { observersAgree } from './observers-agree.ts'
import { observersGoForward } from './observers-go-forward.ts'
import { observersKnow } from './observers-know.ts'
import { oneVotePerTerm } from './one-vote-per-term.ts'
import { preVoteFirst } from './pre-vote-first.ts'
import { readsBeforeAccusing } from './reads-before-accusing.ts'
import { recoveryIsFaithful } from './recovery-is-faithful.ts'
import { releasedAfterLoss } from './released-after-loss.ts'
import { resignHonoured } from './resign-honoured.ts'
import { stateMachineSafety } from './state-machine-safety.ts'
import { stickyVoters } from './sticky-voters.ts'
import { supportedByMajority } from './supported-by-majority.ts'
import { suspectSparesTime } from './suspect-spares-time.ts'
import { tokenIsTheGrant } from './token-is-the-grant.ts'
import { tokenMonotone } from './token-monotone.ts'
import { tokenUnique } from './token-unique.ts'
import { toldIsDurable } from './told-is-durable.ts'
import { vacancyEnds } from './vacancy-ends.ts'
import { withdrawalAfterSilence } from './withdrawal-after-silence.ts'
import { withdrawalBeforeAnswer } from './withdrawal-before-answer.ts'
import { withdrawnIsOver } from './withdrawn-is-over.ts'
import { wonByMajority } from './won-by-majority.ts'

/**
 * `raft`: about what only Raft has, a log with its leader, and a registry that the log replicates. `others`: seen at cores that
 * Raft does not have, in the place of those.
 */
type Of = 'every' | 'raft' | 'others'

/** The order is that in which they are asked, and so which of two is told that fail at once. */
const claims: readonly (readonly [claim: Invariant, of: Of])[] = [
  [nothingFails, 'every'],
  [exclusivity, 'every'],
  [tokenUnique, 'every'],
  [tokenMonotone, 'every'],
  [callbackDiscipline, 'every'],
  [endsByItself, 'every'],
  [noGhostWin, 'every'],
  [recoveryIsFaithful, 'every'],
  [electionSafety, 'raft'],
  [oneVotePerTerm, 'raft'],
  [electedByMajority, 'raft'],
  [preVoteFirst, 'raft'],
  [stickyVoters, 'raft'],
  [leaderStepsDown, 'raft'],
  [answeredLeaderStays, 'raft'],
  [readsBeforeAccusing, 'raft'],
  [durableBeforeTold, 'raft'],
  [leaderAppendOnly, 'raft'],
  [logMatching, 'raft'],
  [leaderCompleteness, 'raft'],
  [stateMachineSafety, 'raft'],
  [committedIsDurable, 'raft'],
  [epochsFromTheLog, 'raft'],
  [noSupportAfterWithdrawal, 'raft'],
  [withdrawalBeforeAnswer, 'raft'],
  [withdrawalAfterSilence, 'raft'],
  [expireNeedsMajority, 'raft'],
  [withdrawnIsOver, 'raft'],
  [supportedByMajority, 'raft'],
  [suspectSparesTime, 'raft'],
  [neverInherits, 'raft'],
  [batchOnce, 'raft'],
  [grantInAVacancy, 'raft'],
  [tokenIsTheGrant, 'raft'],
  [freedAfterLoss, 'raft'],
  [resignHonoured, 'every'],
  [fencedEffects, 'every'],
  [observerOrder, 'raft'],
  [coreIsLed, 'raft'],
  [coreCatchesUp, 'raft'],
  [vacancyEnds, 'every'],
  [handoverIsQuick, 'every'],
  [everythingSettles, 'every'],
  [observersAgree, 'raft'],
  [wonByMajority, 'others'],
  [heardByMajority, 'others'],
  [toldIsDurable, 'others'],
  [releasedAfterLoss, 'others'],
  [observersGoForward, 'others'],
  [leadersStay, 'others'],
  [observersKnow, 'others'],
]

export const invariants: readonly Invariant[] = claims.map(([claim]) => claim)

/** What is held against a run of this engine, in order. */
export function invariantsOf(protocol: Protocol): readonly Invariant[] {
  const other = protocol === 'raft' ? 'others' : 'raft'
  return claims.flatMap(([claim, of]) => (of === other ? [] : [claim]))
}
