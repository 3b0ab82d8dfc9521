import type { LockFormat } from './lock-format.ts'

/** An object's `resourceVersion`; null: no object is there. */
export type LeaseVersion = string | null

/** Of all objects of this kind in the namespace, from the server's root. */
export function collectionPath({ apiVersion, resource }: LockFormat, namespace: string): string {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`
  return `${root}/namespaces/${encodeURIComponent(namespace)}/${resource}`
}
