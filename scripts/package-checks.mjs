// What a user gets: the packed package, seen from an ESM, a require() and a CommonJS TypeScript consumer.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'

const readManifest = (root) => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** The public entry points with code: [`mandate/raft`, { types, default }], … */
const entryPoints = (manifest) =>
  Object.entries(manifest.exports)
    .filter(([, target]) => typeof target !== 'string')
    .map(([subpath, target]) => [subpath.replace(/^\./, manifest.name), target])

/** Files of dist/ whose source is gone: plain tsc leaves them behind, and they would be published. */
export function staleOutput(root) {
  const dist = join(root, 'dist')
  if (!existsSync(dist)) return ['dist/ does not exist: the build wrote nothing']
  return readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .filter((path) => !existsSync(join(root, 'src', path)))
    .filter((path) => !existsSync(join(root, 'src', path.replace(/\.js$/, '.ts'))))
    .map((path) => `dist/${path} has no source any more: remove dist/ and build again`)
}

/** Exports, bin and their files; and no third-party types in the declarations that users compile against. */
export function checkExports(root) {
  const manifest = readManifest(root)
  const targets = Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string' ? [target] : [target.types, target.default],
  )
  const problems = [...targets, ...Object.values(manifest.bin), 'dist/cli/main.js']
    .filter((path) => !existsSync(join(root, path)))
    .map((path) => `${path} does not exist`)
  for (const path of declarationsFrom(root, targets)) {
    for (const specifier of specifiersIn(readFileSync(join(root, path), 'utf8'))) {
      if (!/^(\.|node:)/.test(specifier)) problems.push(`${path}: its types need the package '${specifier}'`)
    }
  }
  return problems
}

/** The declarations that a user's compiler reads: those of the exports, and what they import. */
function declarationsFrom(root, targets) {
  const found = new Set(targets.filter((path) => path.endsWith('.d.ts')).map((path) => posix.normalize(path)))
  for (const path of found) {
    if (!existsSync(join(root, path))) continue
    for (const specifier of specifiersIn(readFileSync(join(root, path), 'utf8'))) {
      if (!specifier.startsWith('.')) continue
      found.add(posix.join(posix.dirname(path), specifier.replace(/\.[jt]s$/, '.d.ts')))
    }
  }
  return [...found].filter((path) => existsSync(join(root, path)))
}

function specifiersIn(text) {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map(([, specifier]) => specifier)
}

/** Packs the repository and lays a consumer project with the unpacked package into `folder`. */
export function packConsumer(root, folder) {
  rmSync(folder, { recursive: true, force: true })
  const installed = join(folder, 'consumer/node_modules/mandate')
  mkdirSync(installed, { recursive: true })
  const pack = spawnSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
  })
  if (pack.status !== 0) throw new Error(`npm pack failed:\n${pack.stderr}`)
  const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no tarball')
  const unpack = spawnSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed], {
    encoding: 'utf8',
  })
  if (unpack.status !== 0) throw new Error(`tar failed:\n${unpack.stderr}`)
  writeFileSync(join(folder, 'consumer/package.json'), '{ "name": "consumer", "type": "commonjs" }\n')
  return { tarball, installed, consumer: join(folder, 'consumer') }
}

/** Only what users need is published. */
export function checkPackedFiles({ installed }) {
  const paths = readdirSync(installed, { recursive: true, encoding: 'utf8' })
  const problems = [
    'package.json',
    'LICENSE',
    'README.md',
    'bin/mandate.js',
    'dist/index.js',
    'dist/index.d.ts',
  ]
    .filter((path) => !paths.includes(path))
    .map((path) => `${path} is missing in the packed package`)
  for (const path of paths) {
    if (/\.test\.|\.tsbuildinfo$|^(src|test|scripts|bench)\//.test(path))
      problems.push(`${path} must not be published`)
  }
  return problems
}

const runNode = (cwd, args) => {
  const child = spawnSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: 30_000 })
  return { status: child.status, stdout: child.stdout, stderr: child.stderr }
}

/** `require('mandate')` works from CommonJS, without a warning, and gives the names that `import` gives. */
export function checkRequire(root, { consumer }) {
  const problems = []
  for (const [name] of entryPoints(readManifest(root))) {
    const script = `
      const required = Object.keys(require('${name}')).filter((key) => key !== '__esModule').sort().join()
      import('${name}').then((imported) => {
        const names = Object.keys(imported).filter((key) => key !== 'module.exports').sort().join()
        if (names !== required) throw new Error('require gives ' + required + ', import gives ' + names)
      })`
    const { status, stderr } = runNode(consumer, ['--eval', script])
    if (status !== 0 || stderr !== '') problems.push(`require('${name}'): ${stderr.trim()}`)
  }
  return problems
}

/** Compiles a nodenext CommonJS program against every entry point, the library's declarations included. */
export function checkCommonJsTypes(root, { consumer }, typescript) {
  const lines = entryPoints(readManifest(root)).flatMap(([name], index) => [
    `import entry${index} = require('${name}')`,
    `export const names${index}: readonly string[] = Object.keys(entry${index})`,
  ])
  writeFileSync(join(consumer, 'consumer.cts'), `${lines.join('\n')}\n`)
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  }
  const config = { compilerOptions, files: ['consumer.cts'] }
  writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify(config, null, 2))
  const compile = runNode(root, [typescript, '-p', consumer])
  return compile.status === 0 ? [] : [compile.stdout + compile.stderr]
}

// Reports each module that is loaded, from the thread that runs the hooks.
const LOAD_HOOK = `
  import { writeSync } from 'node:fs'
  export function load(url, context, next) {
    if (url.startsWith('file:')) writeSync(1, url + '\\n')
    return next(url, context)
  }`

/** `import 'mandate'` (and each other entry point) loads only files of the package itself, and prints nothing. */
export function checkNoThirdParty(root, { consumer, installed }) {
  const asUrl = (source) => `data:text/javascript,${encodeURIComponent(source)}`
  const hooks = `import { register } from 'node:module'; register(${JSON.stringify(asUrl(LOAD_HOOK))})`
  const problems = []
  for (const [name] of entryPoints(readManifest(root))) {
    writeFileSync(join(consumer, 'load.mjs'), `import ${JSON.stringify(name)}\n`)
    const { status, stdout, stderr } = runNode(consumer, ['--import', asUrl(hooks), 'load.mjs'])
    const paths = stdout
      .split('\n')
      .filter((line) => line.startsWith('file:'))
      .map((url) => new URL(url).pathname)
    if (status !== 0) problems.push(`import '${name}' fails: ${stderr.trim()}`)
    if (!paths.some((path) => path.startsWith(installed)))
      problems.push(`import '${name}' loaded nothing of ours`)
    for (const path of paths) {
      if (path.startsWith(installed) || path === join(consumer, 'load.mjs')) continue
      problems.push(`import '${name}' loads ${relative(root, path)}`)
    }
  }
  return problems
}

/** Where Node would find a dependency of the package at `path`: in its own folder, else in one further up. */
function isLocked(packages, path, name) {
  for (
    let folder = path;
    ;
    folder = folder.slice(0, folder.lastIndexOf('node_modules/')).replace(/\/$/, '')
  ) {
    const entry = packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`]
    if (entry?.version !== undefined) return true
    if (folder === '') return false
  }
}

/**
 * The lock file names no registry, nothing that users install runs a script, and it is complete: npm leaves out the
 * binaries of other platforms when it writes the file beside an existing node_modules, and then `npm ci` refuses it.
 */
export function checkLock(lock) {
  const problems = []
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (entry.resolved !== undefined) problems.push(`${path} has a "resolved" address`)
    if (entry.hasInstallScript && !entry.dev && !entry.devOptional && path !== '') {
      problems.push(`${path} runs an install script at our users`)
    }
    const needed = { ...entry.dependencies, ...entry.optionalDependencies }
    for (const name of Object.keys(needed)) {
      if (!isLocked(lock.packages, path, name)) {
        problems.push(
          `${name}, needed by ${path}, is missing: remove node_modules and the lock file, then npm install`,
        )
      }
    }
  }
  if (Object.keys(lock.packages).length < 2) problems.push('it lists no package')
  return problems.map((problem) => `package-lock.json: ${problem}`)
}

export const checkLockFile = (root) =>
  checkLock(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')))
