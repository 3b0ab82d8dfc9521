/** All that is held against every simulated run, in the order in which a violation is looked for. */
import { callbackDiscipline } from './callback-discipline.ts'
import { electionSafety } from './election-safety.ts'
import { exclusivity } from './exclusivity.ts'
import type { Invariant } from './invariant.ts'
import { noGhostWin } from './no-ghost-win.ts'
import { oneVotePerTerm } from './one-vote-per-term.ts'
import { tokenMonotone } from './token-monotone.ts'
import { tokenUnique } from './token-unique.ts'

export const invariants: readonly Invariant[] = [
  exclusivity,
  tokenUnique,
  tokenMonotone,
  electionSafety,
  oneVotePerTerm,
  callbackDiscipline,
  noGhostWin,
]
