// The npm package etcd3, as a native peer: no server, but a program of others that a test lets stand in an election. In a
// folder of its own and without its install scripts, so that it is nobody's dependency. Needs the server etcd too.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { unpacked } from './debian.mjs'
import { etcd } from './etcd.mjs'

const name = 'etcd3'
const version = '1.1.2'
const FETCH_MS = 300_000

/** @type {import('../servers.mjs').ServerKind} */
export const etcd3 = {
  name,
  find({ cache }) {
    const found = unpacked({ name, into: cache })
    return found === undefined || etcd.find({ cache }) === undefined ? undefined : fetched(found)
  },
  fetch({ cache }) {
    const found = unpacked({ name, into: cache })
    if (found !== undefined) throw new Error('it is here, but etcd is not')
    mkdirSync(cache, { recursive: true })
    const work = mkdtempSync(join(resolve(cache), `.fetch-${name}-`))
    const folder = join(resolve(cache), `${name}-${version}`)
    try {
      const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--silent']
      execFileSync('npm', ['install', '--prefix', work, ...flags, `${name}@${version}`], {
        stdio: ['ignore', 'ignore', 'inherit'],
        timeout: FETCH_MS,
      })
      // Two processes that fetch at once: one of them is first.
      if (!existsSync(folder)) renameSync(work, folder)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
    return fetched({ folder, version })
  },
  byHand: 'a machine that reaches an npm registry fetches it by `npm run servers etcd etcd3`',
}

/** @returns {import('../servers.mjs').FoundServer} */
function fetched({ folder, version: found }) {
  return { name, version: found, from: folder, programs: { modules: join(folder, 'node_modules') } }
}
