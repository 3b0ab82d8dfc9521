import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/following.ts',
  find: '    own.isStopping = true\n    seat.rising = null\n',
  replace: `    own.isStopping = true
    seat.rising = null
    classic.revision += 1
    const { revision } = classic
    const body = { type: 'reign', revision, isChange: true, election: seat.election, reign: null, heir: null } as const
    for (const peer of classic.others) send(classic, out, peer, body)
`,
  claim: 'A leader that was told to stop says that it leads until it has stopped.',
  source: 'research B10',
}
