import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/step.ts',
  find: `    case 'pre-vote-reply':
    case 'vote-reply':
    case 'append-reply':
    case 'heartbeat-reply':
    case 'timeout-now':
      return
`,
  replace: `    case 'vote-reply':
      onVoteReply(raft, out, from, message)
      return
    case 'pre-vote-reply':
    case 'append-reply':
    case 'heartbeat-reply':
    case 'timeout-now':
      return
`,
  claim: 'A vote of an older term does not count in this one.',
  source: 'eliben/raft#27',
}
