/** The rights that a candidate needs, as the YAML that grants them. */
import { lockFormats, type LockFormat } from './lock-format.ts'

export interface RoleTarget {
  readonly namespace: string
  readonly lease: string
  /** @default a Lease */
  readonly format?: Pick<LockFormat, 'apiGroup' | 'resource'>
  /** With the right to label the leader's pod. */
  readonly leaderLabel?: boolean
  /** With the right to write events. */
  readonly events?: boolean
}

/** `create` cannot be bound to a name (Kubernetes does not know the name yet when it asks). */
export function roleFor(target: RoleTarget): string {
  const { namespace, lease, format = lockFormats.lease, leaderLabel = false, events = false } = target
  const { apiGroup, resource } = format
  return [
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: Role',
    `metadata: { name: ${lease}-election, namespace: ${namespace} }`,
    'rules:',
    `  - { apiGroups: ['${apiGroup}'], resources: ['${resource}'], verbs: ['create'] }`,
    `  - apiGroups: ['${apiGroup}']`,
    `    resources: ['${resource}']`,
    `    resourceNames: ['${lease}']`,
    "    verbs: ['get', 'update', 'watch']",
    ...(leaderLabel ? [labelRule] : []),
    ...(events ? ["  - { apiGroups: [''], resources: ['events'], verbs: ['create'] }"] : []),
  ].join('\n')
}

/** The status takes labels and no specification, so this right changes no image and no command. */
const labelRule = "  - { apiGroups: [''], resources: ['pods/status'], verbs: ['patch'] }"

/** For pods in another namespace than that of the Lease. */
export function labelRoleFor(namespace: string): string {
  return [
    'apiVersion: rbac.authorization.k8s.io/v1',
    'kind: Role',
    `metadata: { name: leader-label, namespace: ${namespace} }`,
    'rules:',
    labelRule,
  ].join('\n')
}
