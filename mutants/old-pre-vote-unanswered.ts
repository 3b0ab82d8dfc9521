import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/raft/step.ts',
  find: `      sendUnbound(out, from, { type: 'pre-vote-reply', term, granted: false })
      return
`,
  replace: `      return
`,
  claim: 'A pre-vote of an older term is answered, so that who lags behind catches up.',
  source: 'raft-rs#42; etcd raft.go Step',
}
