import type { KubernetesObject, LockFormat } from './lock-format.ts'

/** What stands beside the token: the object that keeps an election, as this process saw it last. */
export interface KubernetesLease {
  readonly namespace: string
  readonly name: string
  /** Another one after the object was deleted and made anew. */
  readonly uid: string | null
  readonly resourceVersion: string | null
  /** null: nobody leads. */
  readonly holder: string | null
  /** Changes of the holder, as client-go counts them: from 0, and again from 0 where a client-go candidate made it anew. */
  readonly transitions: number
  /** As its holder wrote them, by the holder's clock. */
  readonly acquireTime: string | null
  readonly renewTime: string | null
}

export function leaseReport(
  object: KubernetesObject,
  format: LockFormat,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): KubernetesLease {
  const { holderIdentity, transitions, acquireTime, renewTime } = format.fieldsOf(object)
  return {
    namespace,
    name,
    uid: object.metadata?.uid ?? null,
    resourceVersion: object.metadata?.resourceVersion ?? null,
    holder: holderIdentity === '' ? null : (holderIdentity ?? null),
    transitions: transitions ?? 0,
    acquireTime: acquireTime ?? null,
    renewTime: renewTime ?? null,
  }
}
