import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { findServer } from '../scripts/servers.mjs'

/** What is started here and comes with no package of ours: from PATH, or where `npm run servers` put it. */
export const programs = {
  ...{ etcd: 'etcd', etcdctl: 'etcdctl', consul: 'consul', java: 'java' },
  ...pick(findServer('etcd')?.programs, ['etcd', 'etcdctl']),
}

function pick(found = {}, names) {
  return Object.fromEntries(names.filter((name) => name in found).map((name) => [name, found[name]]))
}

function onPath(command) {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Whether all are there: commands on PATH, files where they are named. Says what is missing. */
export function installed(needed, say, what) {
  const missing = needed.filter((each) => !(each.startsWith('/') ? existsSync(each) : onPath(each)))
  if (missing.length > 0) say(`${what}: left out, not installed: ${missing.join(', ')}`)
  return missing.length === 0
}
