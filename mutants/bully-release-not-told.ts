import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/bully/leading.ts',
  find: 'for (const peer of news.untold) send(bully, out, peer, news.message)',
  replace: `if (news.message.type === 'led') for (const peer of news.untold) send(bully, out, peer, news.message)`,
  claim: 'Who gives a leadership up says so until everybody has heard it.',
  source: 'DESIGN §4.4 (a resigned leader abstains)',
}
