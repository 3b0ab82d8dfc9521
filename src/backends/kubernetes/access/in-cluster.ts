/** The API server of the pod that this process runs in, by the files and variables that Kubernetes puts there. */
import { join } from 'node:path'
import { ApiFailure } from '../api-failure.ts'
import type { ClusterAccess } from './access.ts'
import { freshFile } from './fresh-file.ts'

export const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Monotonic. */
  readonly nowMs: () => number
  /** Of the service account. @default SERVICE_ACCOUNT */
  readonly folder?: string | undefined
}

/** Undefined outside a pod, and in a pod without a service account. */
export function inCluster({ env, nowMs, folder = SERVICE_ACCOUNT }: Surroundings): ClusterAccess | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? ''
  const port = env['KUBERNETES_SERVICE_PORT'] ?? ''
  const token = freshFile(join(folder, 'token'), nowMs)
  const authorities = freshFile(join(folder, 'ca.crt'), nowMs)
  if (host === '' || port === '' || token() === undefined) return undefined
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: freshFile(join(folder, 'namespace'), nowMs)()?.trim() || 'default',
    authorities: () => authorities(),
    skipVerification: false,
    credentials: ({ renew }) => {
      const text = token({ renew })
      if (text === undefined)
        return Promise.reject(new ApiFailure(0, '', `${join(folder, 'token')} cannot be read`))
      return Promise.resolve({ authorization: `Bearer ${text.trim()}` })
    },
  }
}
