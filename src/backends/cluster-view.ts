import type { PeerStatus } from '../cluster/messages.ts'
import type { Backend, Cancellable, Guarantee } from './backend.ts'

/** A backend whose arbiter is made of processes of the user's own. */
export interface EmbeddedBackend<Its extends Guarantee = 'linearizable'> extends Backend<Its> {
  readonly engine: 'raft' | 'paxos' | 'bully'
  readonly peers: Readonly<Record<string, string>>
  readonly cluster: string
  /** Asks every peer for its view; stands in no election. A peer that does not answer in time is listed as silent. */
  status(o?: StatusRequest): Promise<ClusterView>
}

/** What the peers say of themselves; nothing is merged. */
export interface ClusterView {
  readonly answers: readonly PeerStatus[]
  readonly silent: readonly { readonly peer: string; readonly address: string; readonly reason: string }[]
}

export interface StatusRequest extends Cancellable {
  /** Only this election. */
  readonly election?: string | undefined
  /** After it a peer counts as silent. @default 1500 */
  readonly timeoutMs?: number | undefined
}

/** `ask` gives a peer's view, or why there is none. */
export async function askPeers(
  peers: Readonly<Record<string, string>>,
  ask: (peer: string, address: string) => PeerStatus | string | Promise<PeerStatus | string>,
): Promise<ClusterView> {
  const answers: PeerStatus[] = []
  const silent: { peer: string; address: string; reason: string }[] = []
  await Promise.all(
    Object.entries(peers).map(async ([peer, address]) => {
      const answer = await ask(peer, address)
      if (typeof answer === 'string') silent.push({ peer, address, reason: answer })
      else answers.push(answer)
    }),
  )
  const byPeer = (a: { readonly peer: string }, b: { readonly peer: string }): number =>
    a.peer < b.peer ? -1 : 1
  return { answers: answers.toSorted(byPeer), silent: silent.toSorted(byPeer) }
}

export function stoppedByItself(failure: unknown): string {
  return `it stopped by itself: ${failure instanceof Error ? failure.message : String(failure)}`
}
