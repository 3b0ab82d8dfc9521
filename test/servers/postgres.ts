/** A real PostgreSQL in a folder of its own, reached by a socket in that folder: no port, no password. */
import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { programOf, requiredServer } from './required-server.ts'
import { ServerProcess } from './server-process.ts'

/** It does not run as root; `nobody` owns nothing, so it can do no harm. */
const nobody = 65_534

export class PostgresServer {
  readonly folder: string
  readonly process: ServerProcess
  readonly #clients = new Set<Client>()

  private constructor(folder: string, process: ServerProcess) {
    this.folder = folder
    this.process = process
  }

  /** Resolves when it serves. `close` it in any case. */
  static async start(): Promise<PostgresServer> {
    const found = requiredServer('postgres')
    const folder = mkdtempSync(join(tmpdir(), 'mandate-pg-'))
    const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
    if (user.uid !== undefined) chownSync(folder, nobody, nobody)
    const data = join(folder, 'data')
    execFileSync(
      programOf(found, 'initdb'),
      ['-D', data, '-U', 'mandate', '-A', 'trust', '-N', '--no-locale', '-E', 'UTF8'],
      {
        ...user,
        cwd: folder,
        stdio: 'ignore',
      },
    )
    const args = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'fsync=off']
    const server = new PostgresServer(
      folder,
      new ServerProcess('postgres', { program: programOf(found, 'postgres'), args, cwd: folder, ...user }),
    )
    try {
      server.process.start()
      await server.process.until('ready', async () => {
        const client = await server.client()
        await client.end()
        return true
      })
      return server
    } catch (error) {
      await server.close()
      throw error
    }
  }

  /** Ended with the server. */
  async client(): Promise<Client> {
    const client = new Client({ host: this.folder, user: 'mandate', database: 'postgres' })
    // The server is killed under them at the end.
    client.on('error', () => undefined)
    this.#clients.add(client)
    await client.connect()
    return client
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.end().catch(() => undefined)))
    await this.process.kill('SIGKILL')
    rmSync(this.folder, { recursive: true, force: true })
  }
}
