import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'registry/apply.ts',
  find: `  for (const election of session.waits) dequeue(change, session, election)
}

/** A superseded`,
  replace: `  void dequeue
}

/** A superseded`,
  claim: 'A session that a newer process of the same id replaced never wins again.',
  source: 'reliability survey S13; n8n#27126',
}
