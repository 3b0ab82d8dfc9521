/**
 * The shape of a backend's URL (INTERFACES §1), whatever the scheme:
 *
 *     scheme "://" [ peer *( "," peer ) ] [ "/" path ] [ "?" key "=" value *( "&" key "=" value ) ]
 *     peer = [ id "@" ] host [ ":" port ]
 *
 * A parser of our own: `new URL` knows one host, drops what it does not understand and takes `a:b@host` for a password.
 */
import { isIPv6 } from 'node:net'
import { holdsControl } from './control-characters.ts'

export interface UrlPeer {
  readonly id: string | undefined
  /** Without brackets. */
  readonly host: string
  readonly port: number | undefined
  /** As written, for messages; never holds a password. */
  readonly text: string
}

export interface BackendUrl {
  readonly scheme: string
  readonly peers: readonly UrlPeer[]
  /** True even if none of them could be read. */
  readonly namesPeers: boolean
  /** Percent-decoded, without the leading slash. */
  readonly path: string
  readonly keys: ReadonlyMap<string, string>
}

/** Splits a URL; what is wrong is added to `problems`, and parsing goes on so that all of it is told at once. */
export function splitUrl(text: string, problems: string[]): BackendUrl | undefined {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^?#/]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/s.exec(text)
  if (match === null) {
    problems.push(
      'it is not a URL: write it as scheme://peers/path?key=value, such as raft://a@127.0.0.1:7401,…',
    )
    return undefined
  }
  const [, scheme = '', authority = '', path = '', query, fragment] = match
  if (fragment !== undefined) problems.push("a '#' has no meaning in it: write %23 if it belongs to a value")
  return {
    scheme: scheme.toLowerCase(),
    peers: authority === '' ? [] : authority.split(',').flatMap((peer) => splitPeer(peer, problems) ?? []),
    namesPeers: authority !== '',
    path: decode(path, 'the path', problems),
    keys: splitQuery(query ?? '', problems),
  }
}

function splitPeer(text: string, problems: string[]): UrlPeer | undefined {
  if (text === '') {
    problems.push('a peer is missing beside a comma')
    return undefined
  }
  const at = text.lastIndexOf('@')
  const prefix = at === -1 ? undefined : text.slice(0, at)
  if (prefix !== undefined && (prefix.includes(':') || prefix.includes('@'))) {
    // Said without the value: the message may end in a log that more people read than the command line.
    problems.push('user:password@ is refused: everybody on this machine can read a command line')
    return undefined
  }
  const id = prefix === undefined ? undefined : decode(prefix, 'an id', problems)
  if (id === '') problems.push(`'${text}' has an empty id before '@'`)
  const address = splitAddress(text.slice(at + 1))
  if (typeof address === 'string') {
    problems.push(address)
    return undefined
  }
  return { id, ...address, text: text.slice(at + 1) }
}

/** Splits `host[:port]` with IPv6 in brackets; a string says what is wrong. */
export function splitAddress(
  text: string,
): { readonly host: string; readonly port: number | undefined } | string {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/s.exec(text)
  const bare = !text.startsWith('[') && text.split(':').length > 2
  if (match === null || bare) {
    return `'${text}' is not an address${bare ? ': write IPv6 in brackets, such as [::1]:7401' : ': write host:port'}`
  }
  const [, bracketed, name = '', portText] = match
  if (bracketed !== undefined && !isIPv6(bracketed)) return `'[${bracketed}]' is not an IPv6 address`
  if (bracketed === undefined && !/^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$/.test(name)) {
    return name === '' ? `'${text}' has no host` : `'${name}' is not a host name`
  }
  const host = bracketed ?? name
  if (portText === undefined) return { host, port: undefined }
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0
  if (port < 1 || port > 65_535) return `'${portText}' is not a port: write a number from 1 to 65535`
  return { host, port }
}

/** `host:port` again, with brackets where they are needed. */
export function joinAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function splitQuery(query: string, problems: string[]): ReadonlyMap<string, string> {
  const keys = new Map<string, string>()
  if (query === '') return keys
  for (const part of query.split('&')) {
    const equals = part.indexOf('=')
    if (equals < 1) {
      problems.push(
        part === '' ? "a key is missing beside an '&'" : `'${part}' has no value: write key=value`,
      )
      continue
    }
    const key = part.slice(0, equals)
    if (keys.has(key)) problems.push(`'${key}' is given twice`)
    else keys.set(key, decode(part.slice(equals + 1), `the value of '${key}'`, problems))
  }
  return keys
}

function decode(text: string, what: string, problems: string[]): string {
  try {
    const decoded = decodeURIComponent(text)
    if (holdsControl(decoded)) problems.push(`${what} holds a control character`)
    return decoded
  } catch {
    problems.push(`${what} has a '%' that is not followed by two hexadecimal digits of UTF-8: write % as %25`)
    return text
  }
}
