/** The programs of a real server, for tests in the folder of its name (`test/servers/NAME/`). */
import { findServer, type FoundServer } from '../../scripts/servers.mjs'

/**
 * Where they are: on PATH, or where `npm run servers` put them. A run without them leaves these tests out
 * (`vitest.config.ts`), so being asked for a server that is not there is a failure.
 */
export function requiredServer(name: string): FoundServer {
  const found = findServer(name)
  if (found !== undefined) return found
  throw new Error(`the tests of ${name} need its programs: run \`npm run servers ${name}\``)
}

export function programOf(server: FoundServer, program: string): string {
  const path = server.programs[program]
  if (path === undefined) throw new Error(`${server.name} has no program '${program}'`)
  return path
}
