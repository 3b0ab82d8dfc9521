import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'protocols/detector/pulse.ts',
  find: `    return silenceMs < this.#options.mostSilenceMs ? silenceMs : null
`,
  replace: `    return silenceMs < 0 ? silenceMs : null
`,
  claim: 'With adaptive tuning a silent leader is noticed sooner.',
  source: 'Dynatune (arXiv 2507.15154)',
}
