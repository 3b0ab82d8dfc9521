import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/lead.ts',
  find: `      case 'lost':
        failures = 0
        break
`,
  replace: `      case 'lost':
        return undefined
`,
  claim: 'lead() campaigns again after a loss.',
  source: '@codedependant/kubernetes-leader-election 1.0.1 (no takeover for 134 s)',
}
