import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** What is started here and comes with no package of ours. */
export const programs = { etcd: 'etcd', etcdctl: 'etcdctl', consul: 'consul', java: 'java' }

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
