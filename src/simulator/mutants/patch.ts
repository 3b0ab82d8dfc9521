/** Makes the one change of a mutant, or says that it does not fit any more. */
import { MandateError } from '../../errors.ts'
import type { NamedMutant } from './mutant.ts'

/**
 * `source` with the bug planted.
 *
 * @throws INVALID_OPTIONS if the text to replace is not there exactly once, or nothing would change
 */
export function plant(mutant: NamedMutant, source: string): string {
  const { file, find, replace } = mutant
  const places = find === '' ? 0 : source.split(find).length - 1
  if (places === 0) throw misfit(mutant, `its \`find\` is nowhere in src/${file}`)
  if (places > 1) throw misfit(mutant, `its \`find\` is in src/${file} ${places} times`)
  // Not `replace(find, replace)`: in that, `$&` and its like in the new text would mean something.
  return source.split(find).join(replace)
}

function misfit({ name, file }: NamedMutant, problem: string): MandateError<'INVALID_OPTIONS'> {
  const expected = `a text that occurs exactly once in src/${file}`
  return new MandateError(
    'INVALID_OPTIONS',
    `The planted bug mutants/${name}.ts does not fit: ${problem}. Bring it up to date with the code, or remove it.`,
    { option: `mutants/${name}.ts`, value: file, expected },
  )
}
