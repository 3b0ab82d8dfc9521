/** Consul, as a URL and as an object of a configuration file say it (INTERFACES §1). */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Backend, BackgroundFailure } from '../backends/backend.ts'
import { defaultLockDelayMs } from '../backends/consul/options.ts'
import { MandateError } from '../errors.ts'
import type { ConsulDescription } from './description.ts'
import { parseDuration } from './duration.ts'
import { checkTokenBase, present } from './fields.ts'
import { describe, isRecord, refuseUnknown } from './file-values.ts'
import { joinAddress, splitAddress } from './url-grammar.ts'
import type { BackendUrl } from './url-grammar.ts'

export const consulKeys = [
  'ttl',
  'check',
  'lock-delay',
  'serf-health',
  'dc',
  'ns',
  'layout',
  'scope',
  'tls',
  'tls-cert',
  'tls-key',
  'tls-ca',
  'token-base',
] as const

/** Every field of the description, as text: a URL has them by its keys, a file by its own. */
interface Fields {
  readonly address: string | undefined
  readonly prefix: string | undefined
  text(name: 'layout' | 'datacenter' | 'namespace' | 'scope' | 'tokenBase'): string | undefined
  duration(name: 'ttl' | 'check' | 'lockDelay'): string | undefined
  flag(name: 'serfHealth'): boolean | undefined
  file(name: 'certFile' | 'keyFile' | 'caFile'): string | undefined
}

/** `consul://host:port/prefix?ttl=&check=…` */
export function interpretConsulUrl(url: BackendUrl, baseDir: string, problems: string[]): ConsulDescription {
  const [peer, ...more] = url.peers
  if (more.length > 0)
    problems.push('consul:// names one agent, best the one on this machine: it knows the servers')
  if (peer?.id !== undefined)
    problems.push(`'${peer.id}@' has no meaning in consul://: its agents have no ids`)
  const key = (name: (typeof consulKeys)[number]): string | undefined => url.keys.get(name)
  const isTrue = (name: 'tls' | 'serf-health'): boolean | undefined => {
    const value = key(name)
    if (value !== undefined && value !== 'true' && value !== 'false')
      problems.push(`${name} is 'true' or 'false', not '${value}'`)
    return value === undefined ? undefined : value === 'true'
  }
  const files = { certFile: key('tls-cert'), keyFile: key('tls-key'), caFile: key('tls-ca') }
  const secure = isTrue('tls') ?? Object.values(files).some((file) => file !== undefined)
  const host = peer === undefined ? '127.0.0.1' : peer.host
  const scheme = secure ? 'https' : 'http'
  const port = peer?.port ?? (secure ? 8501 : 8500)
  const texts = {
    layout: key('layout'),
    datacenter: key('dc'),
    namespace: key('ns'),
    scope: key('scope'),
    tokenBase: key('token-base'),
  }
  const durations = { ttl: key('ttl'), check: key('check'), lockDelay: key('lock-delay') }
  const fields: Fields = {
    address: `${scheme}://${joinAddress(host, port)}`,
    prefix: url.path === '' ? undefined : url.path,
    text: (name) => texts[name],
    duration: (name) => durations[name],
    flag: () => isTrue('serf-health'),
    file: (name) => files[name],
  }
  return describeConsul(fields, baseDir, problems)
}

const objectFields = [
  'type',
  'address',
  'prefix',
  'layout',
  'ttl',
  'check',
  'lockDelay',
  'serfHealth',
  'datacenter',
  'namespace',
  'scope',
  'tls',
  'tokenBase',
]

/** `{ type: consul, address: …, ttl: 10s, … }` */
export function interpretConsulObject(
  value: Record<string, unknown>,
  baseDir: string,
  problems: string[],
): ConsulDescription {
  refuseUnknown(value, objectFields, '', problems)
  const textOf = (record: Record<string, unknown>, name: string, prefix = ''): string | undefined => {
    const field = record[name] ?? undefined
    if (field === undefined || typeof field === 'string') return field
    if (name === 'tokenBase' && typeof field === 'number' && Number.isSafeInteger(field)) return String(field)
    problems.push(`${prefix}${name} is ${describe(field)} where a text is expected`)
    return undefined
  }
  const given = value['tls'] ?? {}
  const tls = isRecord(given) ? given : {}
  if (!isRecord(given))
    problems.push(
      `tls is ${describe(given)}: write a map of caFile, certFile and keyFile, or https:// before the address`,
    )
  refuseUnknown(tls, ['certFile', 'keyFile', 'caFile'], 'tls.', problems)
  const fields: Fields = {
    address: textOf(value, 'address'),
    prefix: textOf(value, 'prefix'),
    text: (name) => textOf(value, name),
    duration: (name) => textOf(value, name),
    flag: (name) => {
      const flag = value[name] ?? undefined
      if (flag === undefined || typeof flag === 'boolean') return flag
      problems.push(`${name} is ${describe(flag)}: write true or false`)
      return undefined
    },
    file: (name) => textOf(tls, name, 'tls.'),
  }
  return describeConsul(fields, baseDir, problems)
}

function describeConsul(fields: Fields, baseDir: string, problems: string[]): ConsulDescription {
  const { address, prefix } = fields
  const bare = address?.replace(/^https?:\/\//, '')
  const split = bare === undefined ? undefined : splitAddress(bare)
  if (typeof split === 'string') problems.push(`address: ${split}`)
  const layout = fields.text('layout')
  if (layout !== undefined && layout !== 'lock' && layout !== 'key')
    problems.push(`layout is 'lock' or 'key', not '${layout}'`)
  const duration = (name: 'ttl' | 'check' | 'lockDelay'): number | undefined => {
    const text = fields.duration(name)
    const parsed = text === undefined ? undefined : parseDuration(text)
    if (parsed?.ok === false) problems.push(`${name}: ${parsed.problem}`)
    return parsed?.ok === true ? parsed.value : undefined
  }
  const tokenBase = fields.text('tokenBase')
  if (tokenBase !== undefined) checkTokenBase('tokenBase', tokenBase, problems)
  const file = (name: 'certFile' | 'keyFile' | 'caFile'): string | undefined => {
    const path = fields.file(name)
    if (path === '') problems.push(`${name} is empty`)
    return path === undefined ? undefined : resolve(baseDir, path)
  }
  const tls = present({ certFile: file('certFile'), keyFile: file('keyFile'), caFile: file('caFile') })
  return {
    type: 'consul',
    ...present({
      address,
      prefix,
      layout: layout === 'lock' || layout === 'key' ? layout : undefined,
      ttlMs: duration('ttl'),
      checkMs: duration('check'),
      lockDelayMs: duration('lockDelay'),
      serfHealth: fields.flag('serfHealth'),
      datacenter: fields.text('datacenter'),
      namespace: fields.text('namespace'),
      scope: fields.text('scope'),
      tokenBase,
    }),
    ...(Object.keys(tls).length > 0 ? { tls } : {}),
  }
}

/** @throws INVALID_OPTIONS, also for a file that cannot be read */
export async function consulFrom(
  description: ConsulDescription,
  context: { readonly onBackgroundFailure: (failure: BackgroundFailure) => void },
): Promise<Backend> {
  const { type: _, tls, tokenBase, ...options } = description
  const { consul } = await import('../backends/consul.ts')
  return consul({
    ...options,
    ...(tls === undefined
      ? {}
      : { tls: present({ ca: pemOf(tls.caFile), cert: pemOf(tls.certFile), key: pemOf(tls.keyFile) }) }),
    ...(tokenBase === undefined ? {} : { tokenBase: BigInt(tokenBase) }),
    onBackgroundFailure: context.onBackgroundFailure,
  })
}

function pemOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MandateError(
      'INVALID_OPTIONS',
      `The file '${file}' cannot be read: ${reason}`,
      { option: 'tls' },
      { cause },
    )
  }
}

/** Without `--lease`, `run` takes what the URL says. */
export function consulLeaseMs({ checkMs, ttlMs = 10_000 }: ConsulDescription): number {
  return checkMs ?? ttlMs
}

/** A session is renewed each third of its time, a check each quarter. */
export function consulLeastRemainingMs(
  { checkMs, ttlMs = 10_000 }: ConsulDescription,
  leaseMs: number,
): number {
  return checkMs === undefined ? 0.6 * leaseMs : Math.min(0.7 * leaseMs, 0.6 * ttlMs)
}

/** With the machine goes the agent, and so whoever tells that its check fails: the session ends, after twice its time. */
export function consulTakeoverMs(
  { checkMs, ttlMs = 10_000, serfHealth = false, lockDelayMs }: ConsulDescription,
  leaseMs: number,
): number {
  const sessionMs = checkMs === undefined ? leaseMs : Math.max(ttlMs, leaseMs)
  return 2 * sessionMs + (lockDelayMs ?? defaultLockDelayMs({ ttlMs, checkMs, serfHealth }))
}
