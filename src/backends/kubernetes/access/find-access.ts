import { MandateError } from '../../../errors.ts'
import type { ClusterAccess } from './access.ts'
import { fromClientNode, type KubeConfigLike } from './client-node.ts'
import { inCluster } from './in-cluster.ts'
import { fromKubeconfig } from './kubeconfig.ts'

export interface AccessRequest {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly nowMs: () => number
  readonly wallMs: () => number
  readonly kubeconfig?: string | KubeConfigLike | undefined
  readonly context?: string | undefined
  /** Ends what the access has started. */
  readonly ended?: AbortSignal | undefined
}

/**
 * A kubeconfig or a context that was asked for by name comes first; otherwise the pod's own service account, then the
 * kubeconfig that kubectl would take.
 * @throws INVALID_OPTIONS where there is neither
 */
export async function findAccess(request: AccessRequest): Promise<ClusterAccess> {
  const { kubeconfig, context } = request
  if (typeof kubeconfig === 'object') {
    if (context === undefined) return fromClientNode(kubeconfig)
    const expected = 'no context beside a KubeConfig object: call its setCurrentContext()'
    const message = `context is ${JSON.stringify(context)}: give ${expected}`
    throw new MandateError('INVALID_OPTIONS', message, { option: 'context', value: context, expected })
  }
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
