/** The rights that a candidate needs, as the YAML that grants them. */

export interface RoleTarget {
  readonly namespace: string
  readonly lease: string
}

/** `create` cannot be bound to a name (Kubernetes does not know the name yet when it asks). */
export function roleFor({ namespace, lease }: RoleTarget): string {
  return [
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: Role',
    `metadata: { name: ${lease}-election, namespace: ${namespace} }`,
    'rules:',
    "  - { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] }",
    "  - apiGroups: ['coordination.k8s.io']",
    "    resources: ['leases']",
    `    resourceNames: ['${lease}']`,
    "    verbs: ['get', 'update', 'watch']",
  ].join('\n')
}
