/** The object form of a backend in a configuration file: the options of TypeScript without their unit suffix. */
import { isAbsolute, resolve } from 'node:path'
import { embeddedEngines, plannedBackends } from './description.ts'
import type {
  BackendDescription,
  EmbeddedDescription,
  EmbeddedEngine,
  EmbeddedTiming,
  ModuleDescription,
} from './description.ts'
import { parseDuration } from './duration.ts'
import { checkTokenBase, present } from './fields.ts'
import { describe, isRecord, refuseUnknown } from './file-values.ts'
import { joinAddress, splitAddress } from './url-grammar.ts'
import { serviceOf, services } from './services/index.ts'
import { bullyQuorum, checkListen, isTimingPreset, notAPeer, raftTuning, unsupportedBackend } from './url.ts'

type Fields = Record<string, unknown>

/** Reads `{ type: … }` or `{ module: … }`; what is wrong is added to `problems`. */
export function interpretBackendObject(
  value: unknown,
  baseDir: string,
  problems: string[],
): BackendDescription | undefined {
  if (!isRecord(value)) {
    problems.push(`it is ${describe(value)} where a URL or a map is expected`)
    return undefined
  }
  const type = value['type']
  if (value['module'] !== undefined) return interpretModule(value, baseDir, problems)
  if (typeof type === 'string' && plannedBackends.has(type))
    throw unsupportedBackend(plannedBackends.get(type) ?? type)
  if (type === 'memory') {
    refuseUnknown(value, ['type'], '', problems)
    return { type: 'memory' }
  }
  const service = typeof type === 'string' ? serviceOf(type) : undefined
  if (service !== undefined) return service.fromObject(value, baseDir, problems)
  const engine = embeddedEngines.find((one) => one === type)
  if (engine !== undefined) return interpretEmbedded(engine, value, baseDir, problems)
  problems.push(
    `type is ${describe(type)}. Known: ${embeddedEngines.join(', ')}, memory, ${knownTypes().join(', ')}; or give a module`,
  )
  return undefined
}

function knownTypes(): readonly string[] {
  return [...services.flatMap(({ schemes }) => schemes), ...plannedBackends.keys()]
}

function interpretModule(value: Fields, baseDir: string, problems: string[]): ModuleDescription | undefined {
  refuseUnknown(value, ['module', 'options'], '', problems)
  const module = value['module']
  const options = value['options'] ?? {}
  if (!isRecord(options)) problems.push(`options is ${describe(options)} where a map is expected`)
  if (typeof module !== 'string' || module === '') {
    problems.push(`module is ${describe(module)} where a path or a package is expected`)
    return undefined
  }
  const isPath = module.startsWith('.') || isAbsolute(module)
  return {
    type: 'module',
    module: isPath ? resolve(baseDir, module) : module,
    options: isRecord(options) ? options : {},
  }
}

const embeddedFields = [
  'type',
  'self',
  'peers',
  'dataDir',
  'listen',
  'timing',
  'tuning',
  'quorum',
  'tls',
  'secretFile',
  'insecure',
  'cluster',
  'tokenBase',
]

function interpretEmbedded(
  type: EmbeddedEngine,
  value: Fields,
  baseDir: string,
  problems: string[],
): EmbeddedDescription {
  refuseUnknown(value, embeddedFields, '', problems)
  const text = (fields: Fields, key: string, prefix = '') => {
    const field = fields[key]
    if (field === undefined || field === null) return undefined
    if (typeof field === 'string' && field !== '') return field
    problems.push(`${prefix}${key} is ${describe(field)} where a text is expected`)
    return undefined
  }
  const file = (fields: Fields, key: string, prefix = '') => {
    const path = text(fields, key, prefix)
    return path === undefined ? undefined : resolve(baseDir, path)
  }
  const peers = embeddedPeers(value['peers'], problems)
  const self = text(value, 'self')
  if (self !== undefined && !Object.hasOwn(peers, self)) problems.push(notAPeer(self, peers))
  const listen = text(value, 'listen')
  if (listen !== undefined) checkListen(listen, problems)
  const tlsFields = isRecord(value['tls']) ? value['tls'] : {}
  refuseUnknown(tlsFields, ['certFile', 'keyFile', 'caFile'], 'tls.', problems)
  const tls = present({
    certFile: file(tlsFields, 'certFile', 'tls.'),
    keyFile: file(tlsFields, 'keyFile', 'tls.'),
    caFile: file(tlsFields, 'caFile', 'tls.'),
  })
  // Decimal text or a number: YAML and JSON lose digits of a number above 2^53, so such a one is refused.
  const base = value['tokenBase'] ?? undefined
  const tokenBase = typeof base === 'number' && Number.isSafeInteger(base) ? String(base) : base
  if (typeof tokenBase === 'string') checkTokenBase('tokenBase', tokenBase, problems)
  else if (tokenBase !== undefined)
    problems.push(`tokenBase is ${describe(base)}: write a whole number in quotes`)
  const quorum = bullyQuorum(type, { quorum: value['quorum'], tokenBase: base }, problems)
  if (type !== 'raft' && value['tuning'] !== undefined)
    problems.push(`tuning belongs to raft, not to ${type}`)
  const insecure = value['insecure'] ?? undefined
  if (insecure !== undefined && typeof insecure !== 'boolean')
    problems.push(`insecure is ${describe(insecure)}: write true or false`)
  return {
    type,
    peers,
    ...present({ self, listen, dataDir: file(value, 'dataDir'), secretFile: file(value, 'secretFile') }),
    ...present({ timing: embeddedTiming(value['timing'], problems), cluster: text(value, 'cluster') }),
    ...present({ tuning: raftTuning(value['tuning'], problems) }),
    ...(typeof tokenBase === 'string' ? { tokenBase } : {}),
    ...quorum,
    ...(Object.keys(tls).length > 0 ? { tls } : {}),
    ...(typeof insecure === 'boolean' ? { insecure } : {}),
  }
}

function embeddedPeers(value: unknown, problems: string[]): Record<string, string> {
  if (!isRecord(value) || Object.keys(value).length === 0) {
    problems.push('peers is a map of id to host:port with at least one entry')
    return {}
  }
  const peers = new Map<string, string>()
  for (const [id, text] of Object.entries(value)) {
    const address =
      typeof text === 'string' ? splitAddress(text) : `${describe(text)} is not an address: write host:port`
    if (typeof address === 'string') problems.push(`peers.${id}: ${address}`)
    else if (address.port === undefined)
      problems.push(`peers.${id}: '${String(text)}' has no port: write host:port`)
    else {
      const joined = joinAddress(address.host, address.port)
      const twin = [...peers].find(([, other]) => other === joined)
      if (twin !== undefined) problems.push(`peers.${id}: '${twin[0]}' has the same address ${joined}`)
      else peers.set(id, joined)
    }
  }
  return Object.fromEntries(peers)
}

function embeddedTiming(value: unknown, problems: string[]): EmbeddedTiming | undefined {
  if (value === undefined || value === null) return undefined
  if (isTimingPreset(value)) return { preset: value }
  if (!isRecord(value)) {
    problems.push(
      `timing is ${describe(value)}: write fast, default, calm, or a map of heartbeat and electionTimeout`,
    )
    return undefined
  }
  refuseUnknown(value, ['heartbeat', 'electionTimeout'], 'timing.', problems)
  const range = value['electionTimeout']
  if (range !== undefined && (!Array.isArray(range) || range.length !== 2)) {
    problems.push('timing.electionTimeout is a list of two durations, such as [150ms, 300ms]')
  }
  const ends = Array.isArray(range)
    ? range.map((end) => durationMs(end, 'timing.electionTimeout', problems))
    : []
  const [from, to] = ends
  if (from !== undefined && to !== undefined && from > to)
    problems.push('timing.electionTimeout runs backwards')
  const heartbeatMs =
    value['heartbeat'] === undefined
      ? undefined
      : durationMs(value['heartbeat'], 'timing.heartbeat', problems)
  const electionTimeoutMs = from === undefined || to === undefined ? undefined : ([from, to] as const)
  return present({ heartbeatMs, electionTimeoutMs })
}

function durationMs(value: unknown, name: string, problems: string[]): number | undefined {
  const parsed = parseDuration(
    typeof value === 'number' ? String(value) : typeof value === 'string' ? value : describe(value),
  )
  if (parsed.ok) return parsed.value
  problems.push(`${name}: ${parsed.problem}`)
  return undefined
}
