import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/deadline-watch.ts',
  find: `      if (remainingMs <= 0) deadline.expire()
`,
  replace: `      if (remainingMs <= Number.MAX_VALUE) deadline.expire()
`,
  claim: 'The deadline that fires looks again: a renewed leadership goes on.',
  source: '@codedependant/kubernetes-leader-election (renewal armed by events)',
}
