import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/holder.ts',
  find: `  if (seen !== undefined && !isHeld(seen.record, state, phase)) return end(state, 'revoked', seen.record)
`,
  replace: `  if (seen !== undefined && phase.request === null && !isHeld(seen.record, state, phase))
    return end(state, 'revoked', seen.record)
`,
  claim: 'A holder that is shown another one in its record ends at once, also while a renewal hangs.',
  source: 'client-go leaderelection.go (works on until its renew deadline)',
}
