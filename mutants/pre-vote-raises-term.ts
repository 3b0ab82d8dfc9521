import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/step.ts',
  find: `    case 'pre-vote':
      return true
`,
  replace: `    case 'pre-vote':
      becomeFollower(raft, out, message.term, null)
      return true
`,
  claim: `To be asked for a pre-vote raises nobody's term.`,
  source: 'Dissertation §9.6; etcd raft.go Step',
}
