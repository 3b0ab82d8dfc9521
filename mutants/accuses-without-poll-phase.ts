import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'cluster/timers.ts',
  find: `    } else if (timer.accuses) this.setAfterPoll(name, () => timer.fire(lateMs))
    else {`,
  replace: `    } else {`,
  claim: 'After a stall, the frames that wait in the sockets are read before anybody is accused.',
  source: 'algorithms survey item 37 (timers fire before queued I/O)',
}
