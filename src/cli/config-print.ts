/** `mandate config print`: every setting with its value and its source; secrets as ***. */
import { version } from '../version.ts'
import type { CommandContext } from './command.ts'
import { resolveConfig, wantsJson } from './config.ts'
import type { Resolved, Source } from './config.ts'
import type { BackendDescription } from './description.ts'
import { formatDuration } from './duration.ts'
import { exitCode } from './exit-codes.ts'
import { serviceFigures } from './services/index.ts'
import { settingKeys, settings } from './settings.ts'
import type { Setting } from './setting.ts'
import type { SettingKey } from './settings.ts'
import { print, printJson } from './streams.ts'
import { table } from './table.ts'

interface Row {
  /** Its place in a configuration file. */
  readonly key: string
  readonly value: string | null
  readonly source: Source | 'derived'
}

/** Variables that hold a secret for a backend; they are shown as set, never with their value. */
const secretVariables = [
  'MANDATE_ETCD_PASSWORD',
  'MANDATE_ZOOKEEPER_AUTH',
  'CONSUL_HTTP_TOKEN',
  'MANDATE_HTTP_TOKEN',
]
const secretName = /pass(word|phrase)?|secret|token|credential|api-?key|private/i
const hidden = '***'

export async function configPrint(context: CommandContext): Promise<number> {
  const resolved = await resolveConfig(context)
  const rows = rowsOf(resolved, context.env)
  if (wantsJson(context)) printJson('config print', version, { settings: rows })
  else
    print(
      table(
        ['SETTING', 'VALUE', 'FROM'],
        rows.map(({ key, value, source }) => [key, value ?? '-', source]),
      ),
    )
  return exitCode.done
}

function rowsOf(resolved: Resolved, env: CommandContext['env']): readonly Row[] {
  const { value: backend, source, identity } = resolved.backend
  const rows: Row[] =
    backend === undefined
      ? [{ key: 'backend', value: null, source }]
      : backendRows(backend, source).map((row) => {
          const name = row.key.slice('backend.'.length)
          return {
            ...row,
            source: (name === 'self' || name === 'dataDir' ? identity[name] : undefined) ?? source,
          }
        })
  for (const key of settingKeys) rows.push(settingRow(key, resolved))
  if (backend !== undefined) rows.push(...figureRows(backend, resolved.lease.value))
  for (const name of secretVariables) {
    if ((env[name] ?? '') !== '') rows.push({ key: name, value: hidden, source: `variable ${name}` })
  }
  return rows
}

function settingRow<Key extends SettingKey>(key: Key, resolved: Resolved): Row {
  const setting = settings[key] as Setting<unknown>
  const { value, source } = resolved[key]
  const shown = value === undefined ? null : setting.show(value)
  return { key: setting.path.join('.'), value: shown, source }
}

/** What follows from the settings above. */
function figureRows(backend: BackendDescription, leaseMs: number | undefined): Row[] {
  return Object.entries(serviceFigures(backend, leaseMs)).map(([name, value]) => ({
    key: `timing.${name}`,
    value: name.endsWith('Ms') ? formatDuration(Math.round(value)) : String(Number(value.toPrecision(3))),
    source: 'derived',
  }))
}

/** One row a leaf, so that each can be compared with the file. */
function backendRows(value: unknown, source: Source, key = 'backend'): Row[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const shown =
      secretName.test(key.split('.').at(-1) ?? '') && !key.endsWith('File') ? hidden : show(key, value)
    return [{ key, value: shown, source }]
  }
  return Object.entries(value as BackendDescription).flatMap(([name, child]) =>
    backendRows(child, source, `${key}.${name}`),
  )
}

function show(key: string, value: unknown): string {
  if (!key.endsWith('Ms')) return String(value)
  return [value]
    .flat()
    .map((ms) => formatDuration(Number(ms)))
    .join('-')
}
