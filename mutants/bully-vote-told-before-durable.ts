import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/voting.ts',
  find: `  reply(true, sequence)
}`,
  replace: `  reply(true)
}`,
  claim: 'A vote is durable before anybody is told, the own one too.',
  source: 'DESIGN §4.4 (before any reply, own vote included)',
}
