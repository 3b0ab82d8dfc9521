/**
 * Every setting once: its flag, its variable, its place in the file, how it is read and what it is by default.
 * The parsers of flags, variables and files, and `config print`, are all driven by this table.
 */
import type { Exclusivity, Metadata } from '../backends/backend.ts'
import { serveSettings } from './serve/settings.ts'
import type { ServeSettingValues } from './serve/settings.ts'
import type { Setting } from './setting.ts'
import {
  duration,
  oneOf,
  parseBoolean,
  parseCount,
  parseId,
  parseMetadata,
  parsePairs,
  parsePriority,
  readMetadata,
} from './setting-parsers.ts'

export type OnLoss = 'campaign' | 'exit'
export type RestartPolicy = 'always' | 'on-failure' | 'never'
export type LogFormat = 'pretty' | 'json'
export type LogLevel = 'info' | 'warn' | 'error'

export interface SettingValues extends ServeSettingValues {
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
  readonly health: string | undefined
  readonly healthInterval: number
  readonly healthTimeout: number
  readonly healthFailures: number
  readonly healthSuccesses: number
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

export type SettingKey = keyof SettingValues

const count = { parse: parseCount, parseFileValue: parseCount, show: String }

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
    parseParts: parsePairs,
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
  health: {
    flag: '--health',
    placeholder: '<command>',
    help: 'a shell command; while it fails, this candidate does not stand, and hands over what it leads',
    variable: 'MANDATE_HEALTH',
    path: ['health', 'command'],
    fallback: undefined,
    parse: (text) =>
      text.trim() === '' ? { ok: false, problem: 'the health command is empty' } : { ok: true, value: text },
    show: (command) => command,
  },
  healthInterval: {
    flag: '--health-interval',
    placeholder: '<duration>',
    help: 'between two health checks',
    variable: 'MANDATE_HEALTH_INTERVAL',
    path: ['health', 'interval'],
    fallback: 2000,
    ...duration,
  },
  healthTimeout: {
    flag: '--health-timeout',
    placeholder: '<duration>',
    help: 'a health check that takes longer is killed, and failed',
    variable: 'MANDATE_HEALTH_TIMEOUT',
    path: ['health', 'timeout'],
    fallback: 1000,
    ...duration,
  },
  healthFailures: {
    flag: '--health-failures',
    placeholder: '<count>',
    help: 'so many failed checks in a row count as unhealthy',
    variable: 'MANDATE_HEALTH_FAILURES',
    path: ['health', 'failures'],
    fallback: 3,
    ...count,
  },
  healthSuccesses: {
    flag: '--health-successes',
    placeholder: '<count>',
    help: 'so many good checks in a row count as healthy again',
    variable: 'MANDATE_HEALTH_SUCCESSES',
    path: ['health', 'successes'],
    fallback: 2,
    ...count,
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
  ...serveSettings,
}

export const settingKeys = Object.keys(settings) as readonly SettingKey[]
