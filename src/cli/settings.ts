/**
 * Every setting once: its flag, its variable, its place in the file, how it is read and what it is by default.
 * The parsers of flags, variables and files, and `config print`, are all driven by this table.
 */
import type { Exclusivity, Metadata } from '../backends/backend.ts'
import { formatDuration, parseDuration } from './duration.ts'
import type { Parsed } from './duration.ts'
import { describe, isRecord } from './file-values.ts'

export type OnLoss = 'campaign' | 'exit'
export type RestartPolicy = 'always' | 'on-failure' | 'never'
export type LogFormat = 'pretty' | 'json'
export type LogLevel = 'info' | 'warn' | 'error'

export interface SettingValues {
  readonly id: string | undefined
  readonly priority: number
  readonly metadata: Metadata
  readonly exclusivity: Exclusivity
  readonly lease: number | undefined
  readonly grace: number
  readonly wait: number | undefined
  readonly onLoss: OnLoss
  readonly restart: RestartPolicy
  readonly shell: boolean
  readonly killSignal: NodeJS.Signals
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

export type SettingKey = keyof SettingValues

export interface Setting<Value> {
  readonly flag: string
  /** How the flag's value is written in `--help`; absent for a switch. */
  readonly placeholder?: string
  readonly help: string
  readonly variable: string
  /** Place in the configuration file. */
  readonly path: readonly [string] | readonly [string, string]
  readonly fallback: Value
  parse(text: string): Parsed<NonNullable<Value>>
  /** For values that a file may hold in another type than text. */
  parseFileValue?(value: unknown): Parsed<NonNullable<Value>>
  show(value: NonNullable<Value>): string
}

const duration = { parse: parseDuration, show: formatDuration }

/** Signals that can stop a process in an orderly way; KILL and STOP cannot be a first request. */
const killSignals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

export const settings: { readonly [Key in SettingKey]: Setting<SettingValues[Key]> } = {
  id: {
    flag: '--id',
    placeholder: '<id>',
    help: "this candidate's id (default: the peer's own id, elsewhere host name and chance)",
    // MANDATE_ID is what `run` tells its child; a nested `run` must not take it for its own id.
    variable: 'MANDATE_CANDIDATE_ID',
    path: ['candidate', 'id'],
    fallback: undefined,
    parse: parseId,
    show: (id) => id,
  },
  priority: {
    flag: '--priority',
    placeholder: '<number>',
    help: 'higher leads first among those who wait',
    variable: 'MANDATE_PRIORITY',
    path: ['candidate', 'priority'],
    fallback: 0,
    parse: (text) => parsePriority(/^[+-]?\d+$/.test(text) ? Number(text) : text),
    parseFileValue: parsePriority,
    show: String,
  },
  metadata: {
    flag: '--metadata',
    placeholder: '<k=v>',
    help: 'a fact others read, such as an address; repeatable',
    variable: 'MANDATE_METADATA',
    path: ['candidate', 'metadata'],
    fallback: {},
    parse: parseMetadata,
    parseFileValue: readMetadata,
    show: (metadata) =>
      Object.entries(metadata)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
  },
  exclusivity: {
    flag: '--exclusivity',
    placeholder: '<mode>',
    help: 'time: never two at once; token: takeover in milliseconds, the resource checks the token',
    variable: 'MANDATE_EXCLUSIVITY',
    path: ['exclusivity'],
    fallback: 'time',
    ...oneOf('exclusivity', ['time', 'token']),
  },
  lease: {
    flag: '--lease',
    placeholder: '<duration>',
    help: 'how long a silent leader is waited for (run: 3s)',
    variable: 'MANDATE_LEASE',
    path: ['lease'],
    fallback: undefined,
    ...duration,
  },
  grace: {
    flag: '--grace',
    placeholder: '<duration>',
    help: 'between asking the command to stop and killing it',
    variable: 'MANDATE_GRACE',
    path: ['run', 'grace'],
    fallback: 1000,
    ...duration,
  },
  wait: {
    flag: '--wait',
    placeholder: '<duration>',
    help: 'give up with exit code 75 when not elected by then',
    variable: 'MANDATE_WAIT',
    path: ['run', 'wait'],
    fallback: undefined,
    ...duration,
  },
  onLoss: {
    flag: '--on-loss',
    placeholder: '<what>',
    help: 'campaign: stop the command and stand again; exit: end with 79',
    variable: 'MANDATE_ON_LOSS',
    path: ['run', 'onLoss'],
    fallback: 'campaign',
    ...oneOf('on-loss', ['campaign', 'exit']),
  },
  restart: {
    flag: '--restart',
    placeholder: '<when>',
    help: 'start a command that ended again while still leading: always, on-failure or never',
    variable: 'MANDATE_RESTART',
    path: ['run', 'restart'],
    fallback: 'never',
    ...oneOf('restart', ['always', 'on-failure', 'never']),
  },
  shell: {
    flag: '--shell',
    help: 'give the command to /bin/sh -c',
    variable: 'MANDATE_SHELL',
    path: ['run', 'shell'],
    fallback: false,
    parse: (text) => parseBoolean(text),
    parseFileValue: parseBoolean,
    show: String,
  },
  killSignal: {
    flag: '--kill-signal',
    placeholder: '<signal>',
    help: 'what asks the command to stop',
    variable: 'MANDATE_KILL_SIGNAL',
    path: ['run', 'killSignal'],
    fallback: 'SIGTERM',
    ...oneOf('kill-signal', killSignals),
  },
  logLevel: {
    flag: '--log-level',
    placeholder: '<level>',
    help: 'info, warn or error',
    variable: 'MANDATE_LOG_LEVEL',
    path: ['log', 'level'],
    fallback: 'info',
    ...oneOf('log-level', ['info', 'warn', 'error']),
  },
  logFormat: {
    flag: '--log-format',
    placeholder: '<format>',
    help: 'pretty or json, on stderr',
    variable: 'MANDATE_LOG_FORMAT',
    path: ['log', 'format'],
    fallback: 'pretty',
    ...oneOf('log-format', ['pretty', 'json']),
  },
}

export const settingKeys = Object.keys(settings) as readonly SettingKey[]

function oneOf<Value extends string>(name: string, known: readonly Value[]) {
  return {
    parse: (text: string): Parsed<Value> => {
      const value = known.find((candidate) => candidate === text)
      return value === undefined
        ? { ok: false, problem: `'${text}' is no ${name}: write ${known.join(' or ')}` }
        : { ok: true, value }
    },
    show: (value: Value): string => value,
  }
}

function parseId(text: string): Parsed<string> {
  // eslint-disable-next-line no-control-regex -- A control character in an id is what is looked for.
  if (/[\u0000-\u001f\u007f]/.test(text)) return { ok: false, problem: 'the id holds a control character' }
  const bytes = Buffer.byteLength(text)
  if (bytes < 1 || bytes > 253) return { ok: false, problem: `the id has ${bytes} bytes: write 1 to 253` }
  return { ok: true, value: text }
}

function parsePriority(value: unknown): Parsed<number> {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { ok: true, value }
  return { ok: false, problem: `${describe(value)} is not a whole number` }
}

function parseBoolean(value: unknown): Parsed<boolean> {
  if (value === true || value === 'true' || value === '1') return { ok: true, value: true }
  if (value === false || value === 'false' || value === '0') return { ok: true, value: false }
  return { ok: false, problem: `${describe(value)} is neither true nor false` }
}

/** `k=v` pairs; a flag is given once a pair, a variable holds several with commas between them. */
function parseMetadata(text: string): Parsed<Metadata> {
  const pairs = text.split(',').filter((pair) => pair !== '')
  const wrong = pairs.find((pair) => pair.indexOf('=') < 1)
  if (wrong !== undefined) return { ok: false, problem: `'${wrong}' is not k=v` }
  const entries = pairs.map(
    (pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const,
  )
  const twice = entries.find(([key], index) => entries.findIndex(([other]) => other === key) !== index)
  if (twice !== undefined) return { ok: false, problem: `'${twice[0]}' is given twice` }
  return { ok: true, value: Object.fromEntries(entries) }
}

function readMetadata(value: unknown): Parsed<Metadata> {
  if (!isRecord(value)) return { ok: false, problem: `${describe(value)} is not a map of texts` }
  const wrong = Object.entries(value).find(([, entry]) => typeof entry !== 'string')
  if (wrong !== undefined)
    return { ok: false, problem: `'${wrong[0]}' is ${describe(wrong[1])}: put it in quotes` }
  return { ok: true, value: value as Readonly<Record<string, string>> }
}
