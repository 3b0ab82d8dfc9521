import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/contest.ts',
  find: "if (contest?.phase !== 'crowning' || contest.sequence > sequence) return",
  replace: "if (contest?.phase !== 'crowning') return",
  claim: 'Nobody leads in an epoch that is not on disk.',
  source: 'research §4, variants: (epoch, id) is a total order',
}
