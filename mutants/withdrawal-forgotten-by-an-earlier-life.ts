import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/support/voter.ts',
  find: 'if (withdrawn !== undefined && withdrawn.epoch <= epoch) voter.withdrawn.delete(session)',
  replace: 'if (withdrawn !== undefined && epoch > 0) voter.withdrawn.delete(session)',
  claim: 'A voter that replays the end of an earlier life of a key keeps what it withdrew of the later.',
  source: 'found here, by the simulator (no-support-after-withdrawal)',
}
