/** The one import whose path is not ours to write: a module that a configuration names. */
import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'

/** `module`: an absolute path, or the name of a package. */
export async function importUserModule(module: string): Promise<Record<string, unknown>> {
  const specifier = isAbsolute(module) ? pathToFileURL(module).href : module
  return (await import(specifier)) as Record<string, unknown>
}
