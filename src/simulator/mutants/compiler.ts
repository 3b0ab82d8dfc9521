/** TypeScript to JavaScript without a look at types: only syntax can fail. Needs the dev dependencies of a clone. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MandateError } from '../../errors.ts'

const run = promisify(execFile)

/** The compiler's own file. @throws UNSUPPORTED where the dev dependencies are missing */
export function compilerOf(root: string): string {
  const folder = join(root, 'node_modules/typescript')
  if (
    !existsSync(join(folder, 'package.json')) ||
    !existsSync(join(root, 'src')) ||
    !existsSync(join(root, 'mutants'))
  ) {
    throw new MandateError(
      'UNSUPPORTED',
      `Planted bugs need a clone of the repository with its development tools; ${root} is none. Clone it, run npm ci, and try there.`,
      { feature: 'simulate --mutants' },
    )
  }
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    bin: Record<string, string>
  }
  return join(folder, bin['tsc'] ?? 'bin/tsc')
}

/** Compiles `files` (absolute), all below `from`, to the same places below `to`. */
export async function transpile(
  root: string,
  files: readonly string[],
  from: string,
  to: string,
): Promise<void> {
  if (files.length === 0) return
  await tsc(root, [
    ...['--ignoreConfig', '--noCheck', '--noResolve', '--allowJs', '--skipLibCheck'],
    ...[
      '--target',
      'es2023',
      '--lib',
      'es2023',
      '--module',
      'nodenext',
      '--verbatimModuleSyntax',
      '--rewriteRelativeImportExtensions',
    ],
    ...['--types', '', '--rootDir', from, '--outDir', to],
    ...files,
  ])
}

/** Compiles all of `src/` to `to`. */
export async function transpileSource(root: string, to: string): Promise<void> {
  await tsc(root, [
    ...['-p', join(root, 'tsconfig.build.json'), '--noCheck', '--outDir', to],
    ...['--declaration', 'false', '--declarationMap', 'false', '--sourceMap', 'false'],
    ...['--tsBuildInfoFile', join(to, '.tsbuildinfo')],
  ])
}

async function tsc(root: string, args: readonly string[]): Promise<void> {
  try {
    await run(process.execPath, [compilerOf(root), ...args], { cwd: root, maxBuffer: 2 ** 24 })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    const reason = `${stdout}${stderr}`.trim() || String(error)
    throw new MandateError('INTERNAL', `The code with planted bugs does not compile: ${reason}`, { reason })
  }
}
