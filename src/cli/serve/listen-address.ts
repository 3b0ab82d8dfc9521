/** Where a server listens: `127.0.0.1:4040`, `[::1]:4040`, or `:4040` for every address of the machine. */
import { isLoopback } from '../../cluster/tcp-address.ts'
import type { Parsed } from '../duration.ts'
import { joinAddress } from '../url-grammar.ts'

export interface ListenAddress {
  /** '' for every address. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
}

export function parseListenAddress(text: string): Parsed<ListenAddress> {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) {
    return { ok: false, problem: `'${text}' is no address: write host:port, such as 127.0.0.1:4040` }
  }
  return { ok: true, value: { host: match[1] ?? match[2] ?? '', port } }
}

export function showListenAddress({ host, port }: ListenAddress): string {
  return joinAddress(host, port)
}

/** Whether only processes of this machine, or of this pod, can reach it. */
export function isLocal({ host }: ListenAddress): boolean {
  return host !== '' && isLoopback(host)
}
