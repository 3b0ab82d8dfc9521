/** Somebody else under the same candidate id: alive, or left over by a process that died. */
import type { EtcdCluster } from './cluster.ts'
import { decodeValue } from './layout.ts'
import { isKey, type Place } from './requests.ts'
import type { KeyValue } from './rpc.generated.ts'

const LOOK_MS = 200
/** Leases end up to half a second late, and their remaining time is told in whole seconds. */
const SLACK_MS = 2500

export function twinsIn(place: Place, key: string, candidateId: string): readonly KeyValue[] {
  return place.all.filter((each) => !isKey(each, key) && decodeValue(each.value).id === candidateId)
}

/**
 * Whether somebody renews the lease of this key. Only its lapse or its growth shows that: so the answer takes up to the
 * lease of the other. False as well if the key goes, or if it cannot be known.
 */
export async function isAlive(cluster: EtcdCluster, twin: KeyValue, signal: AbortSignal): Promise<boolean> {
  // A key without a lease belongs to no session.
  if (twin.lease === 0n) return false
  let since: { readonly term: bigint; readonly endMs: number } | undefined
  let last = 0n
  try {
    for (;;) {
      const limits = { signal, withinMs: cluster.attemptMs }
      const { kvs } = await cluster.call(({ kv }, context) => kv.range({ key: twin.key }, context), limits)
      if (kvs[0]?.createRevision !== twin.createRevision) return false
      const { header, TTL: left } = await cluster.call(
        ({ lease }, context) => lease.leaseTimeToLive({ ID: twin.lease }, context),
        limits,
      )
      if (left < 0n) return false
      const term = header?.raftTerm ?? 0n
      const nowMs = cluster.clock.lower()
      // A new leader of the servers gives every lease its whole time again.
      if (since?.term !== term) since = { term, endMs: nowMs + Number(left) * 1000 + SLACK_MS }
      else if (left > last || nowMs > since.endMs) return true
      last = left
      await cluster.pause(LOOK_MS, signal)
    }
  } catch {
    return false
  }
}
