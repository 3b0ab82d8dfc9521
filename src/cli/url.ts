/** What a backend's URL means, scheme by scheme (INTERFACES §1). All problems are told at once. */
import { resolve } from 'node:path'
import { MandateError } from '../errors.ts'
import { embeddedEngines, plannedBackends } from './description.ts'
import type {
  BackendDescription,
  EmbeddedDescription,
  EmbeddedEngine,
  EmbeddedTiming,
} from './description.ts'
import { parseDuration, parseDurationRange } from './duration.ts'
import { checkTokenBase, present } from './fields.ts'
import { joinAddress, splitAddress, splitUrl } from './url-grammar.ts'
import type { BackendUrl } from './url-grammar.ts'
import { serviceOf, services } from './services/index.ts'
import { refuseUnknownKeys, secretKey } from './url-keys.ts'

/** The keys a scheme knows; a planned scheme has none yet. */
const embeddedKeys = [
  'self',
  'data',
  'listen',
  'timing',
  'heartbeat',
  'election-timeout',
  'tuning',
  'quorum',
  'tls-cert',
  'tls-key',
  'tls-ca',
  'secret-file',
  'insecure',
  'cluster',
  'token-base',
] as const
type EmbeddedKey = (typeof embeddedKeys)[number]

const knownSchemes = [
  ...embeddedEngines,
  ...services.flatMap(({ schemes }) => schemes),
  ...plannedBackends.keys(),
  'memory',
]

/**
 * Reads a backend's URL. Relative paths count from `baseDir`.
 * @throws INVALID_OPTIONS with every problem of the URL; UNSUPPORTED for a scheme that is planned but not built.
 */
export function parseBackendUrl(text: string, baseDir: string): BackendDescription {
  const problems: string[] = []
  const description = interpretUrl(text, baseDir, problems)
  if (description === undefined || problems.length > 0) throw invalidBackend(problems)
  return description
}

export function invalidBackend(problems: readonly string[]): MandateError<'INVALID_OPTIONS'> {
  const list =
    problems.length === 1 ? ` ${problems[0]}` : problems.map((problem) => `\n  - ${problem}`).join('')
  return new MandateError('INVALID_OPTIONS', `The backend's URL cannot be used:${list}`, {
    option: 'backend',
    expected: 'scheme://peers/path?key=value',
  })
}

export function unsupportedBackend(name: string): MandateError<'UNSUPPORTED'> {
  return new MandateError(
    'UNSUPPORTED',
    `The backend '${name}' is planned but not built yet. Use raft:// without a service of its own, or one of ` +
      `${services.map(({ type }) => type).join(', ')} (memory:// to try things out).`,
    { feature: `backend ${name}` },
  )
}

/** As `parseBackendUrl`, with the problems added to a list of the caller's. */
export function interpretUrl(
  text: string,
  baseDir: string,
  problems: string[],
): BackendDescription | undefined {
  const url = splitUrl(text, problems)
  if (url === undefined) return undefined
  for (const key of url.keys.keys()) {
    if (secretKey.test(key))
      problems.push(`'${key}' is a secret, and everybody on this machine can read a command line`)
  }
  if (plannedBackends.has(url.scheme)) {
    if (problems.length > 0) return undefined
    throw unsupportedBackend(plannedBackends.get(url.scheme) ?? url.scheme)
  }
  const service = serviceOf(url.scheme)
  if (service !== undefined) return service.fromUrl(url, baseDir, problems)
  const engine = embeddedEngines.find((one) => one === url.scheme)
  if (engine !== undefined) return interpretEmbedded(engine, url, baseDir, problems)
  if (url.scheme === 'memory') return interpretMemory(url, problems)
  problems.push(`'${url.scheme}' is no backend. Known: ${knownSchemes.join(', ')}`)
  return undefined
}

function interpretMemory(url: BackendUrl, problems: string[]): BackendDescription {
  refuseUnknownKeys(url, [], problems)
  if (url.namesPeers || url.path !== '')
    problems.push('memory:// lives in one process: it has no peers and no path')
  return { type: 'memory' }
}

function interpretEmbedded(
  type: EmbeddedEngine,
  url: BackendUrl,
  baseDir: string,
  problems: string[],
): EmbeddedDescription {
  refuseUnknownKeys(url, embeddedKeys, problems)
  if (url.path !== '') problems.push(`${type}:// has no path, but '/${url.path}' is given`)
  const peers = embeddedPeers(url, problems)
  const key = (name: EmbeddedKey) => url.keys.get(name)
  const file = (name: EmbeddedKey) => {
    const value = key(name)
    if (value === '') problems.push(`'${name}' is empty`)
    return value === undefined ? undefined : resolve(baseDir, value)
  }
  const self = key('self')
  if (self !== undefined && !Object.hasOwn(peers, self)) problems.push(notAPeer(self, peers))
  const listen = key('listen')
  if (listen !== undefined) checkListen(listen, problems)
  const timing = embeddedTiming(url, problems)
  const tuning = raftTuning(key('tuning'), problems)
  if (tuning !== undefined && type !== 'raft') problems.push(`tuning belongs to raft://, not to ${type}://`)
  const dataDir = file('data')
  const tls = present({ certFile: file('tls-cert'), keyFile: file('tls-key'), caFile: file('tls-ca') })
  const secretFile = file('secret-file')
  const insecure = key('insecure')
  if (insecure !== undefined && insecure !== 'true' && insecure !== 'false') {
    problems.push(`insecure is 'true' or 'false', not '${insecure}'`)
  }
  const cluster = key('cluster')
  const tokenBase = key('token-base')
  if (tokenBase !== undefined) checkTokenBase('token-base', tokenBase, problems)
  const quorum = bullyQuorum(type, { quorum: key('quorum'), tokenBase }, problems)
  return {
    type,
    peers,
    ...present({ self, dataDir, listen, timing, tuning, secretFile, cluster, tokenBase }),
    ...quorum,
    ...(Object.keys(tls).length > 0 ? { tls } : {}),
    ...(insecure === undefined ? {} : { insecure: insecure === 'true' }),
  }
}

/** `quorum`, of bully only: false is its classic form, one leader in each part of a split network. */
export function bullyQuorum(
  type: string,
  { quorum, tokenBase }: { readonly quorum: unknown; readonly tokenBase: unknown },
  problems: string[],
): { readonly quorum?: false } {
  if (quorum === undefined || quorum === null) return {}
  if (type !== 'bully') problems.push(`quorum belongs to bully, not to ${type}`)
  else if (quorum === false || quorum === 'false') {
    if (tokenBase !== undefined && tokenBase !== null)
      problems.push('a base for tokens goes with a quorum: without one there are no tokens')
    return { quorum: false }
  } else if (quorum !== true && quorum !== 'true')
    problems.push(`quorum is true or false, not ${JSON.stringify(quorum)}`)
  return {}
}

export function notAPeer(self: string, peers: Readonly<Record<string, string>>): string {
  return `self is '${self}', which is none of the peers. Known: ${Object.keys(peers).join(', ') || 'none'}`
}

export function checkListen(listen: string, problems: string[]): void {
  const address = splitAddress(listen)
  if (typeof address === 'string') problems.push(`listen: ${address}`)
  else if (address.port === undefined) problems.push(`listen '${listen}' has no port: write host:port`)
}

function embeddedPeers(url: BackendUrl, problems: string[]): Record<string, string> {
  const peers = new Map<string, string>()
  for (const { id, host, port, text } of url.peers) {
    if (id === undefined) problems.push(`the peer '${text}' has no id: write a@${text}`)
    if (port === undefined) problems.push(`the peer '${text}' has no port: write ${text}:7401`)
    if (id === undefined || port === undefined) continue
    const address = joinAddress(host, port)
    const twin = [...peers].find(([, other]) => other === address)
    if (peers.has(id)) problems.push(`the peer id '${id}' is given twice`)
    else if (twin !== undefined)
      problems.push(`the peers '${twin[0]}' and '${id}' have the same address ${address}`)
    else peers.set(id, address)
  }
  if (!url.namesPeers)
    problems.push(`it names no peer: write ${url.scheme}://a@127.0.0.1:7401,b@127.0.0.1:7402,…`)
  return Object.fromEntries(peers)
}

function embeddedTiming(url: BackendUrl, problems: string[]): EmbeddedTiming | undefined {
  const preset = url.keys.get('timing')
  if (preset !== undefined && !isTimingPreset(preset)) {
    problems.push(`timing is 'fast', 'default' or 'calm', not '${preset}'`)
  }
  const heartbeat = url.keys.get('heartbeat')
  const heartbeatMs = heartbeat === undefined ? undefined : parseDuration(heartbeat)
  if (heartbeatMs?.ok === false) problems.push(`heartbeat: ${heartbeatMs.problem}`)
  const range = url.keys.get('election-timeout')
  const electionTimeoutMs = range === undefined ? undefined : parseDurationRange(range)
  if (electionTimeoutMs?.ok === false) problems.push(`election-timeout: ${electionTimeoutMs.problem}`)
  const timing = present({
    preset: isTimingPreset(preset) ? preset : undefined,
    heartbeatMs: heartbeatMs?.ok === true ? heartbeatMs.value : undefined,
    electionTimeoutMs: electionTimeoutMs?.ok === true ? electionTimeoutMs.value : undefined,
  })
  return Object.keys(timing).length === 0 ? undefined : timing
}

/** Of a URL or a file. */
export function raftTuning(value: unknown, problems: string[]): 'fixed' | 'adaptive' | undefined {
  if (value === undefined || value === null || value === 'fixed' || value === 'adaptive')
    return value ?? undefined
  problems.push(`tuning is 'fixed' or 'adaptive', not ${JSON.stringify(value)}`)
  return undefined
}

export function isTimingPreset(value: unknown): value is 'fast' | 'default' | 'calm' {
  return value === 'fast' || value === 'default' || value === 'calm'
}
