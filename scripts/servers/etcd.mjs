// etcd and etcdctl, 3.5 or newer: 3.4 is out of support, and its leases have bugs that 3.5 has fixed (etcd#15247).
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { debianPackages, unpacked } from './debian.mjs'
import { onPath } from './on-path.mjs'

const name = 'etcd'

/** @type {import('../servers.mjs').ServerKind} */
export const etcd = {
  name,
  find({ cache }) {
    const [server, client] = [onPath('etcd'), onPath('etcdctl')]
    if (server !== undefined && client !== undefined) {
      const version = versionOf(server)
      if (isNewEnough(version))
        return { name, version, from: 'PATH', programs: { etcd: server, etcdctl: client } }
    }
    const found = unpacked({ name, into: cache })
    return found === undefined ? undefined : fetched(found)
  },
  fetch({ cache }) {
    const packages = ['etcd-server', 'etcd-client']
    return fetched(debianPackages({ name, suite: 'trixie', packages, into: cache }))
  },
  byHand:
    'put etcd and etcdctl 3.5 or newer on PATH: from github.com/etcd-io/etcd/releases, `brew install etcd`, or out of ' +
    'the image with `docker create --name etcd gcr.io/etcd-development/etcd:v3.5.16` and `docker cp etcd:/usr/local/bin/etcd .`',
}

/** @returns {import('../servers.mjs').FoundServer} */
function fetched({ folder, version }) {
  const programs = { etcd: join(folder, 'usr/bin/etcd'), etcdctl: join(folder, 'usr/bin/etcdctl') }
  return { name, version, from: folder, programs }
}

function versionOf(program) {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  return /etcd Version: (\d+\.\d+\.\d+)/.exec(stdout ?? '')?.[1] ?? '0.0.0'
}

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 3 || (major === 3 && minor >= 5)
}
