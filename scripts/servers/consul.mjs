// Consul: server, agent and `consul lock` are one static program.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { debianPackages, unpacked } from './debian.mjs'
import { onPath } from './on-path.mjs'

const name = 'consul'

/** @type {import('../servers.mjs').ServerKind} */
export const consul = {
  name,
  find({ cache }) {
    const program = onPath(name)
    const version = program === undefined ? undefined : versionOf(program)
    if (program !== undefined && version !== undefined)
      return { name, version, from: 'PATH', programs: { consul: program } }
    const found = unpacked({ name, into: cache })
    return found === undefined ? undefined : fetched(found)
  },
  fetch({ cache }) {
    // The last Debian that has it.
    return fetched(debianPackages({ name, suite: 'bullseye', packages: ['consul'], into: cache }))
  },
  byHand:
    'put consul 1.8 or newer on PATH: from releases.hashicorp.com/consul, `brew install consul`, or out of the image ' +
    'with `docker create --name consul hashicorp/consul` and `docker cp consul:/bin/consul .`',
}

/** @returns {import('../servers.mjs').FoundServer} */
function fetched({ folder, version }) {
  return { name, version, from: folder, programs: { consul: join(folder, 'usr/bin/consul') } }
}

/** Undefined for another program of that name. */
function versionOf(program) {
  const { stdout } = spawnSync(program, ['version'], { encoding: 'utf8', timeout: 10_000 })
  return /^Consul v?(\d+\.\d+\.\d+)/.exec(stdout ?? '')?.[1]
}
