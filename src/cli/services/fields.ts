/** Fields of a service's object form, and the keys and files that all services share. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { MandateError } from '../../errors.ts'
import type { TlsFiles } from '../description.ts'
import { parseDuration } from '../duration.ts'
import { describe, isRecord, refuseUnknown } from '../file-values.ts'
import { joinAddress, splitAddress, type BackendUrl } from '../url-grammar.ts'
import { checkTokenBase, present } from '../fields.ts'

type Fields = Readonly<Record<string, unknown>>

/** `host:port` of every peer of a URL, none of which has an id. */
export function addressesOf(url: BackendUrl, port: number, problems: string[]): string[] {
  if (!url.namesPeers) problems.push(`it names no server: write ${url.scheme}://127.0.0.1:${port}`)
  return url.peers.map((peer) => {
    if (peer.id !== undefined)
      problems.push(`'${peer.id}@': only raft, paxos and bully have ids before addresses`)
    return joinAddress(peer.host, peer.port ?? port)
  })
}

/** The same out of a list, or a single text. */
export function addressesIn(fields: Fields, key: string, port: number, problems: string[]): string[] {
  const value = fields[key]
  const list: readonly unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value]
  if (list.length === 0) problems.push(`${key} is a list of host:port with at least one entry`)
  return list.flatMap((entry) => {
    const address =
      typeof entry === 'string'
        ? splitAddress(entry)
        : `${describe(entry)} is not an address: write host:port`
    if (typeof address !== 'string') return [joinAddress(address.host, address.port ?? port)]
    problems.push(`${key}: ${address}`)
    return []
  })
}

export function textIn(fields: Fields, key: string, problems: string[]): string | undefined {
  const value = fields[key]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value !== '') return value
  problems.push(`${key} is ${describe(value)} where a text is expected`)
  return undefined
}

/** A duration as text, of a URL's key or of a file. */
export function durationOf(name: string, value: unknown, problems: string[]): number | undefined {
  if (value === undefined || value === null) return undefined
  const parsed = parseDuration(
    typeof value === 'string' || typeof value === 'number' ? String(value) : describe(value),
  )
  if (parsed.ok) return parsed.value
  problems.push(`${name}: ${parsed.problem}`)
  return undefined
}

export function choiceOf<T extends string>(
  name: string,
  value: unknown,
  choices: readonly T[],
  problems: string[],
): T | undefined {
  if (value === undefined || value === null) return undefined
  const found = choices.find((choice) => choice === value)
  if (found === undefined) problems.push(`${name} is ${describe(value)}: use ${choices.join(' or ')}`)
  return found
}

/** Decimal text, or a number small enough to be one: YAML and JSON lose digits of others. */
export function tokenBaseOf(name: string, value: unknown, problems: string[]): string | undefined {
  if (value === undefined || value === null) return undefined
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  if (typeof text === 'string') checkTokenBase(name, text, problems)
  else problems.push(`${name} is ${describe(value)}: write a whole number in quotes`)
  return typeof text === 'string' ? text : undefined
}

export const tlsKeys = ['tls', 'tls-ca', 'tls-cert', 'tls-key'] as const

/** `tls=true`, or files; files alone mean TLS as well. */
export function tlsOfUrl(
  { keys }: BackendUrl,
  baseDir: string,
  problems: string[],
): true | TlsFiles | undefined {
  const wanted = keys.get('tls')
  if (wanted !== undefined && wanted !== 'true' && wanted !== 'false')
    problems.push(`tls is 'true' or 'false', not '${wanted}'`)
  const file = (key: string): string | undefined => {
    const value = keys.get(key)
    if (value === '') problems.push(`'${key}' is empty`)
    return value === undefined || value === '' ? undefined : resolve(baseDir, value)
  }
  return tlsOf(
    wanted,
    { caFile: file('tls-ca'), certFile: file('tls-cert'), keyFile: file('tls-key') },
    problems,
  )
}

export function tlsIn(fields: Fields, baseDir: string, problems: string[]): true | TlsFiles | undefined {
  const value = fields['tls']
  if (value === undefined || value === null || typeof value === 'boolean')
    return value === true ? true : undefined
  if (!isRecord(value)) {
    problems.push(`tls is ${describe(value)}: write true, or a map of caFile, certFile and keyFile`)
    return undefined
  }
  refuseUnknown(value, ['caFile', 'certFile', 'keyFile'], 'tls.', problems)
  const file = (key: string): string | undefined => {
    const path = textIn(value, key, problems)
    return path === undefined ? undefined : resolve(baseDir, path)
  }
  return tlsOf(
    'true',
    { caFile: file('caFile'), certFile: file('certFile'), keyFile: file('keyFile') },
    problems,
  )
}

function tlsOf(
  wanted: string | undefined,
  files: { readonly [K in keyof TlsFiles]: string | undefined },
  problems: string[],
): true | TlsFiles | undefined {
  const given = present(files)
  if ((files.certFile === undefined) !== (files.keyFile === undefined))
    problems.push('a certificate and its key are given together, or not at all')
  const any = Object.keys(given).length > 0
  if (wanted === 'false' && any) problems.push('tls is false, but its files are given')
  if (any) return given
  return wanted === 'true' ? true : undefined
}

/** The texts of the files. @throws INVALID_OPTIONS naming the file that cannot be read */
export async function readTls(
  tls: true | TlsFiles | undefined,
): Promise<true | { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined> {
  if (tls === undefined || tls === true) return tls
  const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(readPem))
  return present({ ca, cert, key })
}

async function readPem(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MandateError(
      'INVALID_OPTIONS',
      `the TLS file '${file}' cannot be read: ${reason}`,
      { option: 'tls', value: file },
      { cause },
    )
  }
}
