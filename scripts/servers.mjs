// `npm run servers [etcd …] [--json]`: finds the real servers that tests use, on PATH or in .cache/servers, or fetches them
// there from Debian's packages. Needs no root and installs nothing. Tests use what this left, see test/servers/.
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { consul } from './servers/consul.mjs'
import { etcd } from './servers/etcd.mjs'
import { etcd3 } from './servers/etcd3.mjs'
import { postgres } from './servers/postgres.mjs'
import { kubernetes } from './servers/kubernetes.mjs'
import { zookeeper } from './servers/zookeeper.mjs'

/**
 * @typedef {object} FoundServer
 * @property {string} name
 * @property {string} version
 * @property {string} from `PATH`, or the folder it was unpacked into
 * @property {Readonly<Record<string, string>>} programs what tests start, by name: a path, or a Java class path
 *
 * @typedef {object} ServerKind
 * @property {string} name
 * @property {(where: { cache: string }) => FoundServer | undefined} find looks only; fast, for every test run asks
 * @property {(where: { cache: string }) => FoundServer} fetch throws where it cannot
 * @property {string} byHand what to do where nothing can be fetched
 * @property {() => boolean} [obtainable] false where neither this machine nor any package source has it; default: true
 */

/** One line a server; its file is in scripts/servers/. @type {readonly ServerKind[]} */
const kinds = [etcd, etcd3, consul, zookeeper, kubernetes, postgres]

export const serverNames = kinds.map(({ name }) => name)

const cache = join(resolve(fileURLToPath(import.meta.url), '../..'), '.cache/servers')

/** What is there now. @param {string} name @returns {FoundServer | undefined} */
export function findServer(name) {
  return kinds.find((kind) => kind.name === name)?.find({ cache })
}

/** Of those that this machine can have; only these may be required. @returns {readonly string[]} */
export function obtainableServers() {
  return kinds.filter((kind) => kind.obtainable?.() ?? true).map(({ name }) => name)
}

function main(args) {
  const json = args.includes('--json')
  const asked = args.filter((arg) => arg !== '--json')
  const unknown = asked.filter((name) => !serverNames.includes(name))
  if (unknown.length > 0) {
    console.error(`No such server: ${unknown.join(', ')}. Known: ${serverNames.join(', ')}`)
    return 64
  }
  let failed = 0
  const found = []
  for (const kind of kinds) {
    if (asked.length > 0 && !asked.includes(kind.name)) continue
    try {
      const server = kind.find({ cache }) ?? kind.fetch({ cache })
      found.push(server)
      if (!json) tell(server)
    } catch (error) {
      if (kind.obtainable?.() ?? true) failed++
      const reason = error instanceof Error ? error.message : String(error)
      console.error(`${kind.name}: ${reason}\n  by hand: ${kind.byHand}`)
    }
  }
  if (json) console.log(JSON.stringify(found, null, 2))
  return failed > 0 ? 1 : 0
}

function tell({ name, version, from, programs }) {
  console.log(`${name} ${version} (${from === 'PATH' ? 'on PATH' : 'fetched'})`)
  for (const [program, path] of Object.entries(programs)) console.log(`  ${program.padEnd(10)} ${path}`)
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = main(process.argv.slice(2))
}
