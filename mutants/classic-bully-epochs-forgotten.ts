import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/classic/state.ts',
  find: '    seat.taken = Math.max(seat.taken, epoch)\n  }\n  return classic',
  replace: '    seat.taken = Math.max(seat.taken, epoch - epoch)\n  }\n  return classic',
  claim: 'A restarted peer takes no epoch again that it took before.',
  source: 'research §4, variants: (epoch, id) is a total order',
}
