// Import direction and cycles of src/, checked over the import lines themselves (ARCHITECTURE.md draws the picture).
// Type imports count too: a room that names another room's types knows that room.
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const BASE = ['errors', 'seams', 'channels', 'version']
const PURE = ['protocols', 'registry', 'lease']
const CLUSTER = [...BASE, ...PURE, 'fencing']
const BACKENDS = [...CLUSTER, 'clients', 'system', 'cluster']
const ELECTION = [...CLUSTER, 'backends']
const METRICS = [...BACKENDS, 'backends', 'election']
const LIBRARY = [...METRICS, 'metrics']
const ANYTHING = [...LIBRARY, 'index', 'simulator', 'testing', 'compare', 'cli']

/**
 * The rooms of src/ and what each may import besides itself.
 *
 * `node`: may import Node's own modules. `packages`: may import other packages.
 */
export const ROOMS = {
  errors: { imports: [], node: false, packages: false },
  version: { imports: [], node: false, packages: false },
  seams: { imports: ['errors'], node: false, packages: false },
  channels: { imports: ['errors', 'seams'], node: true, packages: false },
  system: { imports: ['errors', 'seams'], node: true, packages: false },
  // Wire clients of stores for which no fit package exists, used by their backend and by their guard.
  clients: { imports: ['errors', 'seams'], node: true, packages: false },
  fencing: { imports: [...BASE, 'clients'], node: true, packages: false },
  protocols: { imports: ['errors', 'seams', ...PURE], node: false, packages: false },
  registry: { imports: ['errors', 'seams', ...PURE], node: false, packages: false },
  lease: { imports: ['errors', 'seams', ...PURE], node: false, packages: false },
  cluster: { imports: CLUSTER, node: false, packages: false },
  backends: { imports: BACKENDS, node: true, packages: true },
  election: { imports: ELECTION, node: true, packages: false },
  metrics: { imports: METRICS, node: true, packages: true },
  // The public entry point wires the system's clock to an election, so it sees more than the election does.
  index: { imports: LIBRARY, node: false, packages: false },
  testing: { imports: ANYTHING, node: true, packages: true },
  simulator: { imports: ANYTHING, node: true, packages: true },
  compare: { imports: [...LIBRARY, 'testing'], node: true, packages: false },
  cli: { imports: ANYTHING, node: true, packages: true },
}

/** The room a file belongs to, by its path below src/; undefined if the table has none for it. */
export function roomOf(path) {
  const [first = '', second = ''] = path.split('/')
  if (first === 'index.ts') return 'index'
  if (first === 'observability') return second.startsWith('channels') ? 'channels' : 'metrics'
  const name = first.replace(/\.ts$/, '')
  return Object.hasOwn(ROOMS, name) ? name : undefined
}

/** Files of cluster/ that touch the system: sockets, the log's disk, the folder's lock, worker threads. */
const isClusterEdge = (path) => /^cluster\/(tcp|tls|log|lock)/.test(path) || path.endsWith('.worker.ts')

const isTest = (path) => path.endsWith('.test.ts')

const IMPORT_FORMS = [
  /^[ \t]*(?:import|export)\b[^'"`;()=]*?\bfrom\s*(['"])(?<specifier>[^'"\n]+)\1/gm,
  /^[ \t]*import\s*(['"])(?<specifier>[^'"\n]+)\1/gm,
  /\bimport\s*\(\s*(['"])(?<specifier>[^'"\n]+)\1/gm,
]

/** The specifiers a file imports, in any form, and the lines that look like imports but could not be read. */
export function importsOf(text) {
  const code = text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, '').replace(/^[ \t]*\/\/.*$/gm, '')
  const specifiers = []
  let rest = code
  for (const form of IMPORT_FORMS) {
    for (const match of code.matchAll(form)) specifiers.push(match.groups.specifier)
    rest = rest.replace(form, '')
  }
  const unread = rest
    .split('\n')
    .filter((line) => /^\s*import\s+[\w*{]|^\s*\}\s*from\s|\bimport\s*\(|\brequire\s*\(/.test(line))
  return { specifiers, unread: unread.map((line) => line.trim()) }
}

function packageProblem(path, room, specifier) {
  const rules = ROOMS[room]
  if (specifier.startsWith('node:')) {
    if (rules.node || (room === 'cluster' && isClusterEdge(path))) return undefined
    const hint = room === 'cluster' ? ': only tcp, tls, log, lock and worker files may' : ''
    return `${path}: ${room} must not import ${specifier}${hint}`
  }
  if (rules.packages) return undefined
  return `${path}: ${room} must not import the package '${specifier}'`
}

function directionProblem(path, room, target) {
  const targetRoom = roomOf(target)
  if (targetRoom === undefined || targetRoom === room) return undefined
  if (targetRoom === 'system' && room === 'cluster' && isClusterEdge(path)) return undefined
  if (!ROOMS[room].imports.includes(targetRoom))
    return `${path}: ${room} must not import ${targetRoom} (${target})`
  if (room === 'election' && targetRoom === 'backends' && target !== 'backends/backend.ts') {
    return `${path}: of the backends, election may import only backends/backend.ts (not ${target})`
  }
  return undefined
}

/** Each cycle once, as the list of its files with the first one repeated at the end. */
function findCycles(graph) {
  const cycles = []
  const finished = new Set()
  const trail = []
  const visit = (path) => {
    const at = trail.indexOf(path)
    if (at !== -1) cycles.push([...trail.slice(at), path])
    if (at !== -1 || finished.has(path)) return
    trail.push(path)
    for (const target of graph.get(path) ?? []) visit(target)
    trail.pop()
    finished.add(path)
  }
  for (const path of graph.keys()) visit(path)
  return cycles
}

/**
 * Checks a source tree given as a map from the path below src/ to the file's text.
 * Returns one line for each problem. Test files may import anything.
 */
export function checkImports(files) {
  const problems = []
  const graph = new Map()
  for (const [path, text] of files) {
    if (isTest(path)) continue
    const room = roomOf(path)
    if (room === undefined) {
      problems.push(`${path}: belongs to no room; add the room to the table in scripts/check-imports.mjs`)
      continue
    }
    const { specifiers, unread } = importsOf(text)
    // A path that is the user's to write: a module that a configuration names.
    for (const line of path === 'cli/user-module.ts' ? [] : unread)
      problems.push(`${path}: this import cannot be read, write it with a literal path: ${line}`)
    const targets = new Set()
    for (const specifier of specifiers) {
      if (!specifier.startsWith('.')) {
        problems.push(packageProblem(path, room, specifier))
        continue
      }
      const target = posix.join(posix.dirname(path), specifier)
      if (target.startsWith('..')) problems.push(`${path}: imports ${specifier}, which is outside of src/`)
      else if (!target.endsWith('.ts'))
        problems.push(`${path}: imports ${specifier}; relative imports end in .ts`)
      else if (!files.has(target)) problems.push(`${path}: imports ${specifier}, which does not exist`)
      else if (isTest(target)) problems.push(`${path}: imports the test file ${target}`)
      else {
        targets.add(target)
        problems.push(directionProblem(path, room, target))
      }
    }
    graph.set(path, targets)
  }
  for (const cycle of findCycles(graph)) problems.push(`cycle: ${cycle.join(' -> ')}`)
  return problems.filter((problem) => problem !== undefined)
}

/** Reads every .ts file below a folder into the map that checkImports takes. */
export function readSources(folder) {
  const files = new Map()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
    const path = join(entry.parentPath, entry.name)
    files.set(relative(folder, path).split(sep).join('/'), readFileSync(path, 'utf8'))
  }
  return files
}

/** The whole check for one repository, as `npm run verify` runs it. An empty tree is a problem, not a pass. */
export function checkRepositoryImports(root) {
  const files = readSources(join(root, 'src'))
  if (files.size === 0) return ['src/ holds no TypeScript file']
  return checkImports(files)
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const problems = checkRepositoryImports(resolve(fileURLToPath(import.meta.url), '../..'))
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}
