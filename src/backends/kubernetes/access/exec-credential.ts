/** Credentials that a program of the kubeconfig's `exec` entry prints (client.authentication.k8s.io). */
import { execFile } from 'node:child_process'
import { ApiFailure } from '../api-failure.ts'
import type { Credentials } from './access.ts'

export interface ExecEntry {
  readonly apiVersion: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Told to the user when the program is not there. */
  readonly installHint: string
  /** Where a relative `command` counts from. */
  readonly folder: string
}

/** A plugin may ask a cloud; a login in a browser cannot happen here. */
const TIMEOUT_MS = 60_000

/** Fresh ones this long before they expire, so that none expires on its way. */
const EARLY_MS = 30_000

/** One run at a time; what it printed serves until it expires or is refused. */
export function execCredentials(
  entry: ExecEntry,
  { wallMs, ended }: { readonly wallMs: () => number; readonly ended?: AbortSignal | undefined },
): (o: { readonly renew: boolean }) => Promise<Credentials> {
  let known: { readonly credentials: Credentials; readonly untilMs: number } | undefined
  let running: Promise<Credentials> | undefined
  const refresh = async (): Promise<Credentials> => {
    const printed = credentialsOf(await run(entry, ended), entry)
    known = printed
    return printed.credentials
  }
  return ({ renew }) => {
    if (!renew && known !== undefined && wallMs() < known.untilMs - EARLY_MS)
      return Promise.resolve(known.credentials)
    running ??= refresh().finally(() => {
      running = undefined
    })
    return running
  }
}

function run(entry: ExecEntry, ended: AbortSignal | undefined): Promise<string> {
  const info = { apiVersion: entry.apiVersion, kind: 'ExecCredential', spec: { interactive: false } }
  const env = { ...process.env, ...entry.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) }
  const command =
    entry.command.includes('/') && !entry.command.startsWith('/')
      ? `${entry.folder}/${entry.command}`
      : entry.command
  return new Promise((resolve, reject) => {
    execFile(
      command,
      [...entry.args],
      { env, timeout: TIMEOUT_MS, maxBuffer: 1024 * 1024, ...(ended === undefined ? {} : { signal: ended }) },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        const missing =
          error.code === 'ENOENT' ? `is not there. ${entry.installHint}` : `failed: ${stderr.slice(0, 500)}`
        reject(
          new ApiFailure(0, '', `the kubeconfig's exec program '${entry.command}' ${missing.trim()}`, {
            cause: error,
          }),
        )
      },
    )
  })
}

function credentialsOf(stdout: string, entry: ExecEntry): { credentials: Credentials; untilMs: number } {
  const status = statusOf(stdout)
  if (status === undefined) {
    throw new ApiFailure(
      0,
      '',
      `the kubeconfig's exec program '${entry.command}' printed no ExecCredential with a status`,
    )
  }
  const { token, clientCertificateData, clientKeyData, expirationTimestamp } = status
  const untilMs =
    typeof expirationTimestamp === 'string' ? Date.parse(expirationTimestamp) : Number.POSITIVE_INFINITY
  return {
    credentials: {
      authorization: typeof token === 'string' ? `Bearer ${token}` : undefined,
      certificate: typeof clientCertificateData === 'string' ? clientCertificateData : undefined,
      key: typeof clientKeyData === 'string' ? clientKeyData : undefined,
    },
    untilMs: Number.isNaN(untilMs) ? Number.POSITIVE_INFINITY : untilMs,
  }
}

function statusOf(stdout: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(stdout) as { status?: unknown } | null
    const status = value?.status
    return typeof status === 'object' && status !== null ? (status as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
