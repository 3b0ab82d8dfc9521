import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/record.ts',
  find: '  return record !== null && record.holder === self.id && record.incarnation === self.incarnation',
  replace: '  return record !== null && record.holder === self.id',
  claim: 'A restarted process does not take the lease record of its dead predecessor for its own.',
  source: 'n8n#27126; PaxosLease G6',
}
