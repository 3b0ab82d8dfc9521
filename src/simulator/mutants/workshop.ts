/** Copies of the whole program, each with one bug planted in it, ready to run. */
import { copyFileSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { transpile, transpileSource } from './compiler.ts'
import type { NamedMutant } from './mutant.ts'
import { plant } from './patch.ts'

export interface Workshop {
  /** The program as it is. */
  readonly clean: string
  /** Folder of the program with this bug; made now, removed by `discard`. */
  build(mutant: NamedMutant): string
  discard(mutant: NamedMutant): void
}

/**
 * Compiles the program once, and of each mutant the one file that it changes: all in two runs of the compiler. `built`: a
 * folder that has the program already.
 *
 * @throws INVALID_OPTIONS for a mutant that does not fit, INTERNAL for one that does not parse
 */
export async function openWorkshop(
  root: string,
  scratch: string,
  mutants: readonly NamedMutant[],
  built?: string,
): Promise<Workshop> {
  const sources = join(scratch, 'planted')
  const outputs = join(scratch, 'compiled')
  const clean = built ?? join(scratch, 'clean')
  const files = plantAll(root, sources, mutants)
  if (built === undefined) await transpileSource(root, clean)
  await transpile(root, files, sources, outputs)
  const folderOf = ({ name }: NamedMutant): string => join(scratch, 'program', name)
  return {
    clean,
    build: (mutant) => {
      const folder = folderOf(mutant)
      linkTree(clean, folder)
      const file = mutant.file.replace(/\.ts$/, '.js')
      // A link would change the clean program too.
      rmSync(join(folder, file))
      copyFileSync(join(outputs, mutant.name, file), join(folder, file))
      return folder
    },
    discard: (mutant) => rmSync(folderOf(mutant), { recursive: true, force: true }),
  }
}

/** Writes, for each mutant, the one file that it changes below `folder`. @throws INVALID_OPTIONS for one that does not fit */
export function plantAll(root: string, folder: string, mutants: readonly NamedMutant[]): string[] {
  return mutants.map((mutant) => {
    const path = join(folder, mutant.name, mutant.file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, plant(mutant, readFileSync(join(root, 'src', mutant.file), 'utf8')))
    return path
  })
}

/** Hard links: a copy that takes neither time nor space. Never written to. */
function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isDirectory()) linkTree(join(from, entry.name), join(to, entry.name))
    else if (entry.name.endsWith('.js')) linkSync(join(from, entry.name), join(to, entry.name))
  }
}
