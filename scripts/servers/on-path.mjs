import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The full path of a command, as a shell would find it. */
export function onPath(command) {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue
    try {
      accessSync(join(folder, command), constants.X_OK)
      return join(folder, command)
    } catch {
      // Not in this one.
    }
  }
  return undefined
}
