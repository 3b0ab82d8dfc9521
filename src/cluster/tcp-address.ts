/** Addresses as `host:port`, and names resolved once so that a dial never waits for the thread pool of libuv. */
import { lookup } from 'node:dns'
import { isIP } from 'node:net'
import { MandateError } from '../errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** @throws INVALID_OPTIONS for anything but `host:port` or `[ipv6]:port` */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port > 65_535) {
    throw new MandateError(
      'INVALID_OPTIONS',
      `'${text}' is no address; write host:port, such as 127.0.0.1:7401`,
      {
        option: 'address',
        value: text,
        expected: 'host:port',
      },
    )
  }
  return { host, port }
}

/** Whether only processes of this machine can reach a listener on `host`. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.')
  const name = host.toLowerCase()
  return name === 'localhost' || name === '::1' || name.startsWith('::ffff:127.')
}

export interface Names {
  /** The last known IP of `host`; undefined while it has never been resolved. */
  ip(host: string): string | undefined
  /** Looks `host` up in the background; `done` is told why it failed, if it did. Never while one is under way. */
  refresh(host: string, done?: (problem?: string) => void): void
}

export type Lookup = (host: string, done: (error: Error | null, ip: string) => void) => void

export function cachedNames(resolve: Lookup = (host, done) => lookup(host, done)): Names {
  const known = new Map<string, string>()
  const waiting = new Map<string, ((problem?: string) => void)[]>()
  return {
    ip: (host) => (isIP(host) === 0 ? known.get(host) : host),
    refresh(host, done): void {
      const others = waiting.get(host)
      if (others !== undefined) {
        if (done !== undefined) others.push(done)
        return
      }
      waiting.set(host, done === undefined ? [] : [done])
      resolve(host, (error, ip) => {
        if (error === null) known.set(host, ip)
        const all = waiting.get(host) ?? []
        waiting.delete(host)
        // A name that was known once stays usable when the name server is not.
        const problem =
          error === null || known.has(host) ? undefined : `cannot resolve ${host}: ${error.message}`
        for (const tell of all) tell(problem)
      })
    },
  }
}
