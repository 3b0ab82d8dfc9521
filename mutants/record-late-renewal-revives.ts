import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'lease/holder.ts',
  find: `  if (leftMs <= 0) {
`,
  replace: `  if (leftMs <= 0 && input.type !== 'write-done') {
`,
  claim: 'A renewal whose answer comes after the deadline revives nothing.',
  source: 'redlock#296; noobaa-core#9765',
}
