/** All that is held against every simulated run, in the order in which a violation is looked for. */
import { callbackDiscipline } from './callback-discipline.ts'
import { committedIsDurable } from './committed-is-durable.ts'
import { durableBeforeTold } from './durable-before-told.ts'
import { electedByMajority } from './elected-by-majority.ts'
import { electionSafety } from './election-safety.ts'
import { exclusivity } from './exclusivity.ts'
import type { Invariant } from './invariant.ts'
import { leaderAppendOnly } from './leader-append-only.ts'
import { leaderCompleteness } from './leader-completeness.ts'
import { logMatching } from './log-matching.ts'
import { noGhostWin } from './no-ghost-win.ts'
import { oneVotePerTerm } from './one-vote-per-term.ts'
import { stateMachineSafety } from './state-machine-safety.ts'
import { tokenMonotone } from './token-monotone.ts'
import { tokenUnique } from './token-unique.ts'

export const invariants: readonly Invariant[] = [
  exclusivity,
  tokenUnique,
  tokenMonotone,
  callbackDiscipline,
  noGhostWin,
  electionSafety,
  oneVotePerTerm,
  electedByMajority,
  durableBeforeTold,
  leaderAppendOnly,
  logMatching,
  leaderCompleteness,
  stateMachineSafety,
  committedIsDurable,
]
