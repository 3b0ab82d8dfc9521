/**
 * The configuration file (INTERFACES §1): YAML or JSON by extension, found only where `--config` or `MANDATE_CONFIG`
 * says. Everything wrong with it is told at once; relative paths in it count from the file.
 */
import { readFileSync } from 'node:fs'
import { dirname, extname, resolve } from 'node:path'
import type { BackendDescription } from './description.ts'
import { interpretBackendObject } from './backend-object.ts'
import { describe, isRecord, refuseUnknown } from './file-values.ts'
import { settingKeys, settings } from './settings.ts'
import type { SettingKey, SettingValues } from './settings.ts'
import { interpretUrl } from './url.ts'

export interface ConfigFile {
  readonly path: string
  readonly backend: BackendDescription | undefined
  readonly values: { readonly [Key in SettingKey]?: SettingValues[Key] }
}

/** Reads and checks a file; problems are added with the file's name and the key's path. */
export async function readConfigFile(path: string, cwd: string, problems: string[]): Promise<ConfigFile> {
  const absolute = resolve(cwd, path)
  const found: string[] = []
  const content = await readContent(absolute, found)
  const file = interpretFile(absolute, content ?? {}, found)
  problems.push(...found.map((problem) => `${path}: ${problem}`))
  return file
}

async function readContent(path: string, problems: string[]): Promise<Record<string, unknown> | undefined> {
  const extension = extname(path).toLowerCase()
  if (extension !== '.yaml' && extension !== '.yml' && extension !== '.json') {
    problems.push(`'${extension}' is no known extension: name the file .yaml, .yml or .json`)
    return undefined
  }
  try {
    const text = readFileSync(path, 'utf8')
    const content: unknown = extension === '.json' ? JSON.parse(text) : (await import('yaml')).parse(text)
    if (isRecord(content)) return content
    problems.push(`it holds ${describe(content)} where a map is expected`)
  } catch (error) {
    problems.push(reason(error))
  }
  return undefined
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'it may not be read by this user'
  return error instanceof Error ? error.message.trim() : String(error)
}

function interpretFile(path: string, content: Record<string, unknown>, problems: string[]): ConfigFile {
  checkKeys(content, problems)
  const version = content['version']
  if (version !== undefined && version !== 1)
    problems.push(`version ${describe(version)} is not known: write version: 1`)
  const values: Partial<Record<SettingKey, unknown>> = {}
  for (const key of settingKeys) {
    const value = valueAt(content, settings[key].path)
    if (value === undefined || value === null) continue
    const parsed = parseSetting(key, value)
    if (parsed.ok) values[key] = parsed.value
    else problems.push(`${settings[key].path.join('.')}: ${parsed.problem}`)
  }
  const backend = interpretBackend(content['backend'], dirname(path), problems)
  return { path, backend, values: values as ConfigFile['values'] }
}

function parseSetting(key: SettingKey, value: unknown) {
  const setting = settings[key]
  if (setting.parseFileValue !== undefined) return setting.parseFileValue(value)
  if (typeof value === 'string') return setting.parse(value)
  // A number where a duration is meant: let its parser say that the unit is missing.
  if (typeof value === 'number') return setting.parse(String(value))
  return { ok: false, problem: `${describe(value)} is not a text` } as const
}

function interpretBackend(
  value: unknown,
  baseDir: string,
  problems: string[],
): BackendDescription | undefined {
  if (value === undefined || value === null) return undefined
  const found: string[] = []
  const description =
    typeof value === 'string'
      ? interpretUrl(value, baseDir, found)
      : interpretBackendObject(value, baseDir, found)
  problems.push(...found.map((problem) => `backend: ${problem}`))
  return description
}

/** The top level's keys, and those of the sections, from the table of settings. */
function checkKeys(content: Record<string, unknown>, problems: string[]): void {
  const sections = new Map<string, string[]>()
  for (const key of settingKeys) {
    const [first, second] = settings[key].path
    const known = sections.get(first) ?? []
    sections.set(first, second === undefined ? known : [...known, second])
  }
  const top = ['version', 'backend', ...sections.keys()]
  for (const [key, value] of Object.entries(content)) {
    if (!top.includes(key)) problems.push(`there is no key '${key}' (known: ${top.join(', ')})`)
    const known = sections.get(key) ?? []
    if (known.length === 0 || value === null) continue
    if (!isRecord(value)) problems.push(`${key} is ${describe(value)} where a map is expected`)
    else refuseUnknown(value, known, `${key}.`, problems)
  }
}

function valueAt(
  content: Record<string, unknown>,
  path: readonly [string] | readonly [string, string],
): unknown {
  const first = Object.hasOwn(content, path[0]) ? content[path[0]] : undefined
  if (path[1] === undefined) return first
  return isRecord(first) && Object.hasOwn(first, path[1]) ? first[path[1]] : undefined
}
