/** The API server that a kubeconfig names: `KUBECONFIG` (a list, as kubectl merges it) or `~/.kube/config`. */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { MandateError } from '../../../errors.ts'
import type { ClusterAccess, Credentials } from './access.ts'
import { execCredentials } from './exec-credential.ts'
import type { ExecEntry } from './exec-credential.ts'
import { freshFile } from './fresh-file.ts'

export interface KubeconfigSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly nowMs: () => number
  readonly wallMs: () => number
  /** @default the `current-context` of the files */
  readonly context?: string | undefined
  /** Ends a program that is asked for credentials. */
  readonly ended?: AbortSignal | undefined
}

type Fields = Readonly<Record<string, unknown>>

/** An entry of a list, with the folder that its relative paths count from. */
interface Entry {
  readonly fields: Fields
  readonly folder: string
}

interface Merged {
  readonly files: readonly string[]
  readonly currentContext: string | undefined
  readonly contexts: ReadonlyMap<string, Entry>
  readonly clusters: ReadonlyMap<string, Entry>
  readonly users: ReadonlyMap<string, Entry>
}

/** Undefined where no file exists. @throws INVALID_OPTIONS for one that cannot be used, with what is wrong in it */
export async function fromKubeconfig(o: KubeconfigSurroundings): Promise<ClusterAccess | undefined> {
  const merged = await mergedFiles(filesOf(o.env))
  if (merged.files.length === 0) return undefined
  const name = o.context ?? merged.currentContext
  if (name === undefined) throw wrong(merged, 'it has no current-context: name a context')
  const context = entryOf(merged, 'contexts', name)
  const cluster = entryOf(merged, 'clusters', textIn(context, 'cluster') ?? '')
  const userName = textIn(context, 'user')
  const user = userName === undefined ? { fields: {}, folder: '' } : entryOf(merged, 'users', userName)
  const server = textIn(cluster, 'server')
  if (server === undefined || !URL.canParse(server))
    throw wrong(merged, `the cluster of context '${name}' has no server`)
  for (const [key, reason] of [...unsupportedIn(cluster, notOfClusters), ...unsupportedIn(user, notOfUsers)])
    throw wrong(merged, `context '${name}' has '${key}': ${reason}`)
  return {
    server: server.replace(/\/+$/, ''),
    namespace: textIn(context, 'namespace') ?? 'default',
    authorities: textOrFile(cluster, 'certificate-authority', o.nowMs),
    skipVerification: cluster.fields['insecure-skip-tls-verify'] === true,
    serverName: textIn(cluster, 'tls-server-name'),
    credentials: credentialsOf(user, o),
  }
}

/** Left out, these would lead elsewhere, or act as somebody else. */
const notOfClusters = { 'proxy-url': 'give a way to the server that needs no proxy' }
const impersonation = 'use credentials of the one who is meant'
const notOfUsers = {
  'auth-provider': 'kubectl dropped it in 1.26, use an exec program',
  as: impersonation,
  'as-uid': impersonation,
  'as-groups': impersonation,
  'as-user-extra': impersonation,
}

function unsupportedIn({ fields }: Entry, reasons: Readonly<Record<string, string>>) {
  return Object.entries(reasons).filter(([key]) => fields[key] !== undefined && fields[key] !== null)
}

function filesOf(env: KubeconfigSurroundings['env']): readonly string[] {
  const list = env['KUBECONFIG']
  if (list !== undefined && list !== '') return list.split(delimiter).filter((path) => path !== '')
  return [join(env['HOME'] ?? homedir(), '.kube', 'config')]
}

/** kubectl's rule: the first file that says something wins, and files that are not there are left out. */
async function mergedFiles(paths: readonly string[]): Promise<Merged> {
  const files: string[] = []
  let currentContext: string | undefined
  const lists = {
    contexts: new Map<string, Entry>(),
    clusters: new Map<string, Entry>(),
    users: new Map<string, Entry>(),
  }
  for (const path of paths) {
    const content = await parsedFile(path)
    if (content === undefined) continue
    files.push(path)
    currentContext ??= text(content['current-context'])
    for (const [list, entries] of Object.entries(lists)) {
      for (const { name, fields } of namedIn(content[list], list.slice(0, -1))) {
        if (!entries.has(name)) entries.set(name, { fields, folder: dirname(resolve(path)) })
      }
    }
  }
  return { files, currentContext, ...lists }
}

async function parsedFile(path: string): Promise<Fields | undefined> {
  let source: string
  try {
    source = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unreadable(path, error)
  }
  try {
    const { parse } = await import('yaml')
    const value: unknown = parse(source)
    return isFields(value) ? value : {}
  } catch (error) {
    throw unreadable(path, error)
  }
}

function* namedIn(
  list: unknown,
  kind: string,
): Generator<{ readonly name: string; readonly fields: Fields }> {
  if (!Array.isArray(list)) return
  for (const item of list as readonly unknown[]) {
    if (!isFields(item)) continue
    const name = text(item['name'])
    const fields = item[kind]
    if (name !== undefined && isFields(fields)) yield { name, fields }
  }
}

function entryOf(merged: Merged, list: 'contexts' | 'clusters' | 'users', name: string): Entry {
  const entry = merged[list].get(name)
  if (entry !== undefined) return entry
  const known = [...merged[list].keys()].join(', ') || 'none'
  throw wrong(merged, `it has no ${list.slice(0, -1)} '${name}' (${list}: ${known})`)
}

function credentialsOf(user: Entry, o: KubeconfigSurroundings): ClusterAccess['credentials'] {
  const { fields } = user
  if (isFields(fields['exec'])) {
    const fetch = execCredentials(execEntryOf(fields['exec'], user.folder), o)
    return ({ renew }) => fetch({ renew })
  }
  const certificate = textOrFile(user, 'client-certificate', o.nowMs)
  const key = textOrFile(user, 'client-key', o.nowMs)
  const tokenFile = textIn(user, 'tokenFile')
  const token = tokenFile === undefined ? undefined : freshFile(resolve(user.folder, tokenFile), o.nowMs)
  const [name, password] = [textIn(user, 'username'), textIn(user, 'password')]
  const authorization = (renew: boolean): string | undefined => {
    const bearer = token?.({ renew })?.trim() ?? textIn(user, 'token')
    if (bearer !== undefined) return `Bearer ${bearer}`
    if (name === undefined || password === undefined) return undefined
    return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
  }
  return ({ renew }): Promise<Credentials> =>
    Promise.resolve({ authorization: authorization(renew), certificate: certificate(), key: key() })
}

function execEntryOf(exec: Fields, folder: string): ExecEntry {
  const env = Array.isArray(exec['env']) ? (exec['env'] as readonly unknown[]).filter(isFields) : []
  return {
    apiVersion: text(exec['apiVersion']) ?? 'client.authentication.k8s.io/v1',
    command: text(exec['command']) ?? '',
    args: Array.isArray(exec['args']) ? exec['args'].map(String) : [],
    env: Object.fromEntries(env.map((each) => [text(each['name']) ?? '', text(each['value']) ?? ''])),
    installHint: text(exec['installHint']) ?? '',
    folder,
  }
}

/** `KEY-data` holds base64, `KEY` a path; the data wins, as in client-go. */
function textOrFile({ fields, folder }: Entry, key: string, nowMs: () => number): () => string | undefined {
  const data = text(fields[`${key}-data`])
  if (data !== undefined) {
    const decoded = Buffer.from(data, 'base64').toString('utf8')
    return () => decoded
  }
  const path = text(fields[key])
  if (path === undefined) return () => undefined
  const file = freshFile(resolve(folder, path), nowMs)
  return () => file()
}

function textIn({ fields }: Entry, key: string): string | undefined {
  return text(fields[key])
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(merged: Merged, what: string): MandateError<'INVALID_OPTIONS'> {
  const message = `the kubeconfig ${merged.files.join(', ')} cannot be used: ${what}`
  return new MandateError('INVALID_OPTIONS', message, {
    option: 'KUBECONFIG',
    value: merged.files.join(', '),
    expected: what,
  })
}

function unreadable(path: string, cause: unknown): MandateError<'INVALID_OPTIONS'> {
  const why = cause instanceof Error ? cause.message : String(cause)
  const details = { option: 'KUBECONFIG', value: path, expected: 'a readable kubeconfig' }
  return new MandateError('INVALID_OPTIONS', `the kubeconfig ${path} cannot be read: ${why}`, details, {
    cause,
  })
}
