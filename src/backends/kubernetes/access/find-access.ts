import { MandateError } from '../../../errors.ts'
import type { ClusterAccess } from './access.ts'
import { inCluster } from './in-cluster.ts'
import { fromKubeconfig } from './kubeconfig.ts'

export interface AccessRequest {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly nowMs: () => number
  readonly wallMs: () => number
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
}

/**
 * A kubeconfig or a context that was asked for by name comes first; otherwise the pod's own service account, then the
 * kubeconfig that kubectl would take.
 * @throws INVALID_OPTIONS where there is neither
 */
export async function findAccess(request: AccessRequest): Promise<ClusterAccess> {
  const { kubeconfig, context } = request
  const env = kubeconfig === undefined ? request.env : { ...request.env, KUBECONFIG: kubeconfig }
  const own = kubeconfig === undefined && context === undefined ? inCluster(request) : undefined
  const found = own ?? (await fromKubeconfig({ ...request, env }))
  if (found !== undefined) return found
  const expected = 'a service account (in a pod), or a kubeconfig named by KUBECONFIG or at ~/.kube/config'
  throw new MandateError('INVALID_OPTIONS', `no access to Kubernetes was found: this needs ${expected}`, {
    option: 'KUBECONFIG',
    value: env['KUBECONFIG'],
    expected,
  })
}
