/** Real servers of one kind on loopback: one, or an ensemble, each on ports and in a folder of its own. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../src/cli/demo/ports.ts'
import type { ServerProcess } from './server-process.ts'

/** Where one server lives. */
export interface Site {
  readonly name: string
  /** A folder that exists. */
  readonly home: string
  readonly ports: readonly number[]
}

export async function sitesFor(
  kind: string,
  { count, portsEach, parent = tmpdir() }: { count: number; portsEach: number; parent?: string },
): Promise<{ readonly folder: string; readonly sites: readonly Site[] }> {
  const folder = mkdtempSync(join(parent, `mandate-${kind}-`))
  const ports = await freePorts(portsEach * count)
  const sites = Array.from({ length: count }, (_, index) => {
    const name = `s${index + 1}`
    const home = join(folder, name)
    mkdirSync(home, { mode: 0o700 })
    return { name, home, ports: ports.slice(portsEach * index, portsEach * (index + 1)) }
  })
  return { folder, sites }
}

export abstract class ServerMember {
  readonly name: string
  readonly port: number
  readonly process: ServerProcess

  constructor(name: string, port: number, process: ServerProcess) {
    this.name = name
    this.port = port
    this.process = process
  }

  /** Resolves when it can be used. */
  abstract serving(): Promise<void>

  /** Whether it leads the ensemble, by its own account. */
  abstract leads(): Promise<boolean>

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Resolves when the process is gone. */
  kill(): Promise<void> {
    return this.process.kill('SIGKILL')
  }

  /** Neither answers nor closes anything until `cont`. */
  stop(): void {
    this.process.signal('SIGSTOP')
  }

  cont(): void {
    this.process.signal('SIGCONT')
  }

  /** With the folder it had; resolves when it serves again. */
  async restart(): Promise<void> {
    await this.process.kill('SIGKILL')
    this.process.start()
    await this.serving()
  }
}

export class Ensemble<Member extends ServerMember> {
  readonly members: readonly Member[]
  readonly folder: string

  constructor(members: readonly Member[], folder: string) {
    this.members = members
    this.folder = folder
  }

  /** Resolves when all of them serve; ends what it started if they do not. */
  async begin(): Promise<this> {
    try {
      for (const { process } of this.members) process.start()
      await this.serving()
      return this
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async serving(): Promise<void> {
    await Promise.all(this.members.map((member) => member.serving()))
  }

  get first(): Member {
    return this.members[0]!
  }

  /** `127.0.0.1:port` of each member. */
  get addresses(): string[] {
    return this.members.map(({ address }) => address)
  }

  /** The member that leads the others, by its own account. */
  async leader(): Promise<Member> {
    for (let tries = 0; tries < 500; tries++) {
      for (const member of this.members) if (await member.leads().catch(() => false)) return member
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error('no member leads')
  }

  /** Ends every server, however it was left, and removes what they wrote. */
  async close(): Promise<void> {
    await Promise.all(this.members.map(({ process: each }) => each.kill('SIGKILL')))
    rmSync(this.folder, { recursive: true, force: true })
  }
}
