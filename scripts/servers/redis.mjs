// Redis, for the bench that plays its clients through the same faults as ours. No test needs it.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { debianPackages, unpacked } from './debian.mjs'
import { onPath } from './on-path.mjs'

const name = 'redis'
/** The server's libraries that a machine may not have. */
const packages = [
  'redis-tools',
  'libjemalloc2',
  'liblzf1',
  'libatomic1',
  'liblua5.1-0',
  'lua-cjson',
  'lua-bitop',
]

/** @type {import('../servers.mjs').ServerKind} */
export const redis = {
  name,
  find({ cache }) {
    const program = onPath('redis-server')
    if (program !== undefined) return { name, version: '', from: 'PATH', programs: { redis: program } }
    const found = unpacked({ name, into: cache })
    return found === undefined ? undefined : fetched(found)
  },
  fetch({ cache }) {
    return fetched(debianPackages({ name, suite: 'bookworm', packages, into: cache }))
  },
  byHand: 'put redis-server 7 or newer on PATH',
}

/** Debian's one binary is what it is called by: `redis-server` is a name of `redis-check-rdb`. */
function fetched({ folder, version }) {
  const libraries = join(folder, 'usr/lib')
  const [triple] = existsSync(libraries)
    ? readdirSync(libraries).filter((each) => each.includes('-linux-'))
    : []
  const programs = {
    redis: join(folder, 'usr/bin/redis-check-rdb'),
    libraries: join(libraries, triple ?? ''),
  }
  return { name, version, from: folder, programs }
}
