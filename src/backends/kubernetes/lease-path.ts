/** A Lease's `resourceVersion`; null: no Lease is there. */
export type LeaseVersion = string | null

/** From the server's root. */
export function leasesPath(namespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`
}
