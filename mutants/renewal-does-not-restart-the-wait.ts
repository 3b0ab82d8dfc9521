import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/observation.ts',
  find: `  if (previous !== null && previous.version === seen.version) return previous
`,
  replace: `  if (previous !== null && previous.record?.holder === seen.record?.holder) return { ...seen, sinceMs: previous.sinceMs }
`,
  claim: 'A lease record that changed is waited for anew.',
  source: 'client-go observedTime; @codedependant/kubernetes-leader-election (foreign timestamps)',
}
