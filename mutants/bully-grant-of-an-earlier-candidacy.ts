import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'backends/bully/session.ts',
  find: '        if (campaign?.tag === reply.tag) candidacy.granted(reply.epoch)',
  replace: '        candidacy.granted(reply.epoch)',
  claim: 'A grant that was given back with an earlier candidacy wins nothing for the next one.',
  source: 'a late reply taken for a fresh one: research/reliability §1.7',
}
