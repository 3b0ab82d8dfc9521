// `npm run verify`: every rule that a machine can check. Changes no file of the repository; writes only build output
// (dist/) and .cache/. Runs all steps, then fails if one of them failed.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkRepositoryImports } from './check-imports.mjs'
import { checkRepositoryText } from './check-text.mjs'
import {
  checkCommonJsTypes,
  checkExports,
  checkLockFile,
  checkNoThirdParty,
  checkPackedFiles,
  checkRequire,
  packConsumer,
  staleOutput,
} from './package-checks.mjs'
import { writeSnippetProject } from './snippets.mjs'

const root = resolve(fileURLToPath(import.meta.url), '../..')
const cache = join(root, '.cache/verify')

/** The file behind a development tool's command, so that tools run without a shell. */
function binary(name, packageName = name) {
  const folder = join(root, 'node_modules', packageName)
  const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return join(folder, typeof bin === 'string' ? bin : bin[name])
}

/** Runs a tool and returns its output as the problem if it fails. */
function tool(file, ...args) {
  const child = spawnSync(process.execPath, [file, ...args], { cwd: root, encoding: 'utf8' })
  return child.status === 0 ? [] : [`${child.stdout}${child.stderr}` || `${file} ended with ${child.status}`]
}

const tsc = binary('tsc', 'typescript')
const attw = binary('attw', '@arethetypeswrong/cli')

// Packed once, by the first step that needs it.
let packed
const consumer = () => (packed ??= packConsumer(root, join(cache, 'package')))

const steps = [
  { name: 'build', check: () => [...tool(tsc, '-p', 'tsconfig.build.json'), ...staleOutput(root)] },
  { name: 'types', check: () => tool(tsc, '-p', 'tsconfig.json') },
  {
    name: 'purity: protocols, registry and lease compile without Node',
    check: () => tool(tsc, '-p', 'tsconfig.pure.json'),
  },
  { name: 'lint', check: () => tool(binary('oxlint'), '--type-aware', '--deny-warnings') },
  { name: 'format', check: () => tool(binary('oxfmt'), '--check', '.') },
  { name: 'import direction and cycles', check: () => checkRepositoryImports(root) },
  { name: 'text and names', check: () => checkRepositoryText(root) },
  { name: 'dead code (knip)', check: () => tool(binary('knip'), '--no-progress', '--no-config-hints') },
  { name: 'lock file', check: () => checkLockFile(root) },
  { name: 'snippets compile', check: compileSnippets },
  { name: 'exports against the build', check: () => checkExports(root) },
  { name: 'packed files', check: () => checkPackedFiles(consumer()) },
  { name: 'publint', check: () => tool(binary('publint'), 'run', consumer().tarball, '--strict') },
  {
    name: 'attw',
    check: () => tool(attw, consumer().tarball, '--profile', 'esm-only', '--no-emoji', '--no-color'),
  },
  { name: 'require() from CommonJS', check: () => checkRequire(root, consumer()) },
  { name: 'types from CommonJS (nodenext)', check: () => checkCommonJsTypes(root, consumer(), tsc) },
  { name: 'import loads no third-party code', check: () => checkNoThirdParty(root, consumer()) },
]

function compileSnippets() {
  const folder = join(cache, 'snippets')
  const count = writeSnippetProject(root, folder)
  if (count === 0) return ['no page has a ```ts snippet']
  return tool(tsc, '-p', folder)
}

/** A step that throws has failed, with the reason it gives. */
function problemsOf(check) {
  try {
    return check()
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}

const failed = []
for (const { name, check } of steps) {
  const startedAt = performance.now()
  const problems = problemsOf(check)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${seconds.padStart(5)} s  ${name}`)
  for (const problem of problems) console.log(problem.trimEnd().replaceAll(/^/gm, '     '))
  if (problems.length > 0) failed.push(name)
}
console.log(
  failed.length === 0 ? `verify: all ${steps.length} steps passed` : `verify: failed: ${failed.join('; ')}`,
)
process.exitCode = failed.length === 0 ? 0 : 1
