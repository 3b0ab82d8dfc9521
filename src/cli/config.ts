/** Settles every setting: flag > variable > file > default, and remembers where each value came from. */
import { MandateError } from '../errors.ts'
import { readConfigFile } from './config-file.ts'
import type { ConfigFile } from './config-file.ts'
import { embeddedEngines, isEmbedded } from './description.ts'
import type { BackendDescription } from './description.ts'
import { settingKeys, settings } from './settings.ts'
import type { SettingKey, SettingValues } from './settings.ts'
import { resolve } from 'node:path'
import { interpretUrl, notAPeer } from './url.ts'

/** `--json` or `MANDATE_JSON`. */
export function wantsJson({ flags, env }: Pick<ConfigInput, 'flags' | 'env'>): boolean {
  return flags['json'] === true || env['MANDATE_JSON'] === 'true' || env['MANDATE_JSON'] === '1'
}

export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>
export type Environment = Readonly<Record<string, string | undefined>>

/** Where a value came from, as shown by `config print`. */
export type Source = 'default' | `flag ${string}` | `variable ${string}` | `file ${string}`

export interface Sourced<Value> {
  readonly value: Value
  readonly source: Source
}

export type Resolved = { readonly [Key in SettingKey]: Sourced<SettingValues[Key]> } & {
  readonly backend: Sourced<BackendDescription | undefined> & {
    /** Where `self` and `dataDir` came from, if not from the backend's own source. */
    readonly identity: { readonly self?: Source; readonly dataDir?: Source }
  }
}

export interface ConfigInput {
  readonly flags: Flags
  readonly env: Environment
  readonly cwd: string
}

/**
 * Reads flags, variables and the file.
 * @throws INVALID_OPTIONS with every problem of all three; UNSUPPORTED for a backend that is not built yet.
 */
export async function resolveConfig(input: ConfigInput): Promise<Resolved> {
  const problems: string[] = []
  const path = textOf(input, '--config', 'MANDATE_CONFIG')
  const file = path === undefined ? undefined : await readConfigFile(path.value, input.cwd, problems)
  const values = Object.fromEntries(
    settingKeys.map((key) => [key, resolveSetting(key, input, file, problems)]),
  )
  const backend = resolveBackend(input, file, problems)
  if (problems.length > 0) throw invalidConfiguration(problems)
  return { ...(values as { [Key in SettingKey]: Sourced<SettingValues[Key]> }), backend }
}

export function invalidConfiguration(problems: readonly string[]): MandateError<'INVALID_OPTIONS'> {
  const message =
    problems.length === 1
      ? (problems[0] ?? '')
      : `The configuration has ${problems.length} problems:${problems.map((problem) => `\n  - ${problem}`).join('')}`
  return new MandateError('INVALID_OPTIONS', message, { option: 'configuration' })
}

function resolveSetting(
  key: SettingKey,
  input: ConfigInput,
  file: ConfigFile | undefined,
  problems: string[],
): Sourced<unknown> {
  const setting = settings[key]
  const text = textOf(input, setting.flag, setting.variable)
  const parts = input.flags[flagKey(setting.flag)]
  if (text !== undefined) {
    const inParts = typeof parts === 'object' ? setting.parseParts?.(parts) : undefined
    const parsed = inParts ?? setting.parse(text.value)
    if (parsed.ok) return { value: parsed.value, source: text.source }
    problems.push(`${sourceName(text.source)}: ${parsed.problem}`)
  } else if (file !== undefined && key in file.values) {
    return { value: file.values[key], source: `file ${file.path}` }
  }
  return { value: setting.fallback, source: 'default' }
}

/** A variable set to nothing counts as absent: that is how a unit file or a compose file unsets one. */
function textOf(input: ConfigInput, flag: string, variable: string): Sourced<string> | undefined {
  const given = input.flags[flagKey(flag)]
  if (given !== undefined && given !== false) {
    // Repeated pairs are joined as a variable would hold them.
    const value = Array.isArray(given) ? given.join(',') : String(given)
    return { value, source: `flag ${flag}` }
  }
  const value = input.env[variable]
  return value === undefined || value === '' ? undefined : { value, source: `variable ${variable}` }
}

/** commander's name of a flag: `--on-loss` is `onLoss`. */
function flagKey(flag: string): string {
  return flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

function sourceName(source: Source): string {
  return source.replace(/^(flag|variable|file) /, '')
}

function resolveBackend(
  input: ConfigInput,
  file: ConfigFile | undefined,
  problems: string[],
): Resolved['backend'] {
  const text = textOf(input, '--backend', 'MANDATE_BACKEND')
  if (text === undefined) {
    const found: Sourced<BackendDescription | undefined> =
      file?.backend === undefined
        ? { value: undefined, source: 'default' }
        : { value: file.backend, source: `file ${file.path}` }
    return withIdentity(found, input, problems)
  }
  const found: string[] = []
  const value = interpretUrl(text.value, input.cwd, found)
  problems.push(...found.map((problem) => `${sourceName(text.source)}: ${problem}`))
  return withIdentity({ value, source: text.source }, input, problems)
}

/** One URL serves every process of a cluster; `--self` and `--data` say which of them this one is. */
function withIdentity(
  backend: Sourced<BackendDescription | undefined>,
  input: ConfigInput,
  problems: string[],
): Resolved['backend'] {
  const self = textOf(input, '--self', 'MANDATE_SELF')
  const data = textOf(input, '--data', 'MANDATE_DATA')
  if (backend.value === undefined || !isEmbedded(backend.value)) {
    // A variable may be set for other commands of the same shell; a flag was meant for this one.
    for (const given of [self, data]) {
      if (given?.source.startsWith('flag') === true && backend.value !== undefined) {
        problems.push(
          `${sourceName(given.source)} belongs to ${embeddedEngines.map((name) => `${name}://`).join(' and ')}, but the backend is ${backend.value.type}`,
        )
      }
    }
    return { ...backend, identity: {} }
  }
  if (self !== undefined && !Object.hasOwn(backend.value.peers, self.value)) {
    problems.push(`${sourceName(self.source)}: ${notAPeer(self.value, backend.value.peers)}`)
  }
  // Resolved, it would be the folder that this process happens to run in.
  if (data?.value === '') problems.push(`${sourceName(data.source)} is empty: name a folder`)
  const value = {
    ...backend.value,
    ...(self === undefined ? {} : { self: self.value }),
    ...(data === undefined ? {} : { dataDir: resolve(input.cwd, data.value) }),
  }
  const identity = {
    ...(self === undefined ? {} : { self: self.source }),
    ...(data === undefined ? {} : { dataDir: data.source }),
  }
  return { value, source: backend.source, identity }
}

/** The backend, or the error that says how to name one. @throws INVALID_OPTIONS */
export function requireBackend(resolved: Resolved): BackendDescription {
  if (resolved.backend.value !== undefined) return resolved.backend.value
  throw new MandateError(
    'INVALID_OPTIONS',
    'No backend is named. Give --backend or set MANDATE_BACKEND, for example\n' +
      '  --backend raft://a@127.0.0.1:7401,b@127.0.0.1:7402,c@127.0.0.1:7403\n' +
      'or name a file with --config.',
    { option: 'backend' },
  )
}
