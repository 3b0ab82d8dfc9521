import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/state.ts',
  find: `Math.max(leastSilenceMs, raft.promise.silenceMs, raft.patienceMs)`,
  replace: `leastSilenceMs`,
  claim: 'A follower suspects its leader no sooner than was promised and measured.',
  source: 'algorithms survey §5 (adaptive timeouts must not go below what was assumed)',
}
