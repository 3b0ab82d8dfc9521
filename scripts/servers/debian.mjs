// Programs out of Debian packages, of any Debian suite, without root and without installing anything: the packages are
// downloaded with the machine's own apt (its mirror, its keys) and unpacked into a folder of ours.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const FETCH_MS = 300_000

/**
 * Downloads packages of one suite and unpacks them together into `into/NAME-VERSION`, where the version is that of the
 * first package. What is there already is not fetched again; two processes that fetch at once do not disturb each other.
 *
 * @param {{ name: string, suite: string, packages: readonly string[], into: string }} wanted
 * @returns {{ folder: string, version: string }}
 */
export function debianPackages({ name, suite, packages, into }) {
  const found = unpacked({ name, into })
  if (found !== undefined) return found
  for (const program of ['apt-get', 'dpkg']) {
    if (!runs(program)) throw new Error(`this machine has no ${program}, so no Debian package can be fetched`)
  }
  mkdirSync(into, { recursive: true })
  const work = mkdtempSync(join(resolve(into), `.fetch-${name}-`))
  try {
    const version = fetchInto(work, { suite, packages })
    const folder = join(resolve(into), `${name}-${version}`)
    moveInto(join(work, 'root'), folder)
    return { folder, version }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * The newest of what was unpacked earlier under this name; a folder under its final name is complete.
 *
 * @param {{ name: string, into: string }} wanted
 * @returns {{ folder: string, version: string } | undefined}
 */
export function unpacked({ name, into }) {
  if (!existsSync(into)) return undefined
  const versions = readdirSync(into)
    .filter((entry) => entry.startsWith(`${name}-`) && /^\d/.test(entry.slice(name.length + 1)))
    .map((entry) => entry.slice(name.length + 1))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const version = versions.at(-1)
  return version === undefined ? undefined : { folder: join(resolve(into), `${name}-${version}`), version }
}

function fetchInto(work, { suite, packages }) {
  const list = join(work, 'sources.list')
  const keys = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : ''
  writeFileSync(list, `deb ${keys}${mirror()} ${suite} main\n`)
  const folders = { lists: join(work, 'lists'), cache: join(work, 'cache'), debs: join(work, 'debs') }
  for (const folder of Object.values(folders)) mkdirSync(folder)
  const apt = (...args) => {
    const options = {
      'Dir::Etc::sourcelist': list,
      'Dir::Etc::sourceparts': '/dev/null',
      // The machine's own preferences may pin its suite above all others.
      'Dir::Etc::preferencesparts': '/dev/null',
      'Dir::State::Lists': folders.lists,
      'Dir::Cache': folders.cache,
      // The user that apt drops its rights to may not be able to write here.
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
    }
    const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`])
    run('apt-get', [...flags, '-q', ...args], folders.debs)
  }
  apt('update')
  apt('download', ...packages)
  const debs = readdirSync(folders.debs).filter((file) => file.endsWith('.deb'))
  mkdirSync(join(work, 'root'))
  for (const deb of debs) run('dpkg', ['-x', join(folders.debs, deb), join(work, 'root')], work)
  const first = debs.find((deb) => deb.startsWith(`${packages[0]}_`))
  if (first === undefined) throw new Error(`apt-get downloaded no ${packages[0]} of Debian ${suite}`)
  // NAME_VERSION_ARCHITECTURE.deb; an epoch's colon is written as %3a, and belongs to no folder's name.
  return decodeURIComponent(first.split('_')[1]).replace(/^\d+:/, '')
}

/** Somebody else may have finished first: then theirs is as good as ours. */
function moveInto(from, to) {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!existsSync(to)) throw error
  }
}

/** The Debian mirror of the machine's own sources, as apt itself reads them (both formats of its files). */
function mirror() {
  const printed = spawnSync('apt-get', ['update', '--print-uris'], { encoding: 'utf8', timeout: FETCH_MS })
  const own = codename()
  const sources = [...(printed.stdout ?? '').matchAll(/'([^']+)\/dists\/([^/']+)\/(?:InRelease|Release)'/g)]
    .map(([, uri, suite]) => ({ uri, suite }))
    .filter(({ suite }) => !suite.includes('security'))
  const chosen =
    sources.find(({ suite }) => suite === own) ?? sources.find(({ uri }) => /debian\/?$/.test(uri))
  if (chosen === undefined) throw new Error('the sources of apt name no Debian mirror')
  return chosen.uri
}

function codename() {
  try {
    return /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'))
      ? /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1]
      : undefined
  } catch {
    return undefined
  }
}

function runs(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0
}

function run(program, args, cwd) {
  try {
    execFileSync(program, args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: FETCH_MS,
    })
  } catch (error) {
    const { stderr = '', stdout = '' } = /** @type {{ stderr?: string, stdout?: string }} */ (error)
    const told = `${stderr}${stdout}`.trim().split('\n').slice(-5).join('\n  ')
    throw new Error(`${program} ${args.at(-1)} failed:\n  ${told}`, { cause: error })
  }
}
