import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/state.ts',
  find: `      seat.vote = { ballot, past, sequence: 0 }
`,
  replace: '',
  claim: 'A restarted voter remembers whom it voted for.',
  source: 'DESIGN §4.4; research B9',
}
