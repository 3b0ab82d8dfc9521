/** All planted bugs of a clone. */
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { importUserModule } from '../../cli/user-module.ts'
import { compilerOf, transpile } from './compiler.ts'
import type { Mutant, NamedMutant } from './mutant.ts'

/** Where they stand: the folder above `src/` or `dist/`. */
export function cloneRoot(): string {
  return join(import.meta.dirname, '../../..')
}

/** Names, sorted; each is that of a file in `mutants/`. @throws UNSUPPORTED outside of a clone */
export function mutantNames(root: string): string[] {
  compilerOf(root)
  return readdirSync(join(root, 'mutants'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => basename(file, '.ts'))
    .toSorted()
}

/** Reads them; `scratch` is a folder of our own inside the clone. */
export async function readMutants(root: string, scratch: string): Promise<NamedMutant[]> {
  const names = mutantNames(root)
  const folder = join(root, 'mutants')
  const compiled = join(scratch, 'mutants')
  await transpile(
    root,
    names.map((name) => join(folder, `${name}.ts`)),
    folder,
    compiled,
  )
  return Promise.all(
    names.map(async (name) => {
      const { mutant } = await importUserModule(join(compiled, `${name}.js`))
      return { name, ...(mutant as Mutant) }
    }),
  )
}
