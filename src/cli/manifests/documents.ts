/** The objects that an election needs on Kubernetes, one file each. */
import { roleFor } from '../../backends/kubernetes/role.ts'
import { deployment } from './deployment.ts'
import type { ManifestPlan } from './plan.ts'

export interface ManifestFile {
  readonly file: string
  readonly text: string
}

/** What `kubectl apply` takes, in the order in which it is needed. */
export function objectsFor(plan: ManifestPlan): readonly ManifestFile[] {
  const files = [
    { file: 'service-account.yaml', text: serviceAccount(plan) },
    { file: 'role.yaml', text: role(plan) },
    { file: 'role-binding.yaml', text: roleBinding(plan) },
    ...(plan.flowSchema ? [{ file: 'flow-schema.yaml', text: flowSchema(plan) }] : []),
    ...(plan.service ? [{ file: 'service.yaml', text: service(plan) }] : []),
    { file: 'deployment.yaml', text: deployment(plan) },
  ]
  return files.map(({ file, text }) => ({ file, text: `${text.trim()}\n` }))
}

/** For kustomize, which is no object that `kubectl apply -f` takes. */
export function kustomizationFor(plan: ManifestPlan): ManifestFile {
  const list = objectsFor(plan).map(({ file }) => `  - ${file}`)
  const head = 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n'
  return { file: 'kustomization.yaml', text: `${head}${list.join('\n')}\n` }
}

function serviceAccount({ name, namespace }: ManifestPlan): string {
  return `
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}-election, namespace: ${namespace} }
`
}

function role({ name, namespace, service, events }: ManifestPlan): string {
  return roleFor({ namespace, lease: name, leaderLabel: service, events })
}

function roleBinding({ name, namespace }: ManifestPlan): string {
  return `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: ${name}-election, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: ${name}-election }
subjects:
  - { kind: ServiceAccount, name: ${name}-election, namespace: ${namespace} }
`
}

function flowSchema({ name, namespace }: ManifestPlan): string {
  return `
# Renewals go through the API server's own queue for leader election, not through that of all service accounts.
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: { name: ${namespace}-${name}-election }
spec:
  matchingPrecedence: 900
  priorityLevelConfiguration: { name: leader-election }
  distinguisherMethod: { type: ByUser }
  rules:
    - subjects:
        - { kind: ServiceAccount, serviceAccount: { name: ${name}-election, namespace: ${namespace} } }
      resourceRules:
        - apiGroups: ['coordination.k8s.io']
          resources: ['leases']
          namespaces: ['${namespace}']
          verbs: ['create', 'get', 'update', 'watch']
`
}

function service({ name, namespace }: ManifestPlan): string {
  return `
# Reaches the leader only. It follows an election by a moment: it routes, and does not protect.
apiVersion: v1
kind: Service
metadata: { name: ${name}-leader, namespace: ${namespace} }
spec:
  selector: { app: ${name}, mandate.dev/leader: ${name} }
  ports:
    # 8080 stands for where the program listens.
    - { name: http, port: 80, targetPort: 8080 }
`
}
