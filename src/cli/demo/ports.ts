/** Ports on loopback that are free now, and that nobody is likely to take while a peer is down. */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { MandateError } from '../../errors.ts'

const lowest = 10_000
const triesMax = 200

/**
 * Below the range from which the kernel takes ports for outgoing connections: a peer that dials another one's free port
 * again and again would, some day, dial from that very port, and so connect to itself.
 */
export async function freePorts(count: number): Promise<number[]> {
  const below = Math.min(firstEphemeral(), 32_768)
  const held: Server[] = []
  try {
    for (let tries = 0; held.length < count && tries < triesMax; tries++) {
      const server = await listen(below > lowest + 1000 ? randomInt(lowest, below) : 0)
      if (server !== undefined) held.push(server)
    }
    if (held.length < count) {
      const message = `no ${count} free ports were found on 127.0.0.1 between ${lowest} and ${below}`
      throw new MandateError('ADDRESS_IN_USE', message, { address: `127.0.0.1:${lowest}-${below}` })
    }
    return held.map(portOf)
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

function firstEphemeral(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/)[0])
  } catch {
    // IANA's range, which macOS uses.
    return 49_152
  }
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', () => resolve(undefined))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server))
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
