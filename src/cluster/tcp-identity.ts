/**
 * Who stands behind each peer id. A peer that comes back with less than it had (an empty, restored or copied folder)
 * could vote twice in one term, or help to elect a leader without an entry that it had acknowledged: it is not let in
 * (DESIGN §4.2). Remembered on disk, so that a restart of this peer does not forget it.
 */
import type { PeerRecord } from './messages.ts'
import type { ProcessIdentity } from './tcp-handshake.ts'

/**
 * So long after its last frame a process still counts as running if it also holds a connection: several heartbeats. A host that vanished without closing anything must
 * not keep its peer's next process out for long.
 */
const CONNECTED_LIVE_MS = 2000

interface Known extends ProcessIdentity {
  /** Undefined: not since this process started. */
  heardAtMs: number | undefined
}

export type Admission =
  | { readonly is: 'same' }
  /** Restarted, or seen for the first time. */
  | { readonly is: 'new'; readonly first: boolean }
  | { readonly is: 'refused'; readonly message: string }

export class PeerIdentities {
  readonly #known = new Map<string, Known>()
  readonly #remember: (record: PeerRecord) => void

  constructor(remembered: readonly PeerRecord[], remember: (record: PeerRecord) => void) {
    for (const { peer, ...identity } of remembered)
      this.#known.set(peer, { ...identity, heardAtMs: undefined })
    this.#remember = remember
  }

  /** `nowMs` by `clock.lower()`. */
  heard(peer: string, nowMs: number): void {
    const known = this.#known.get(peer)
    if (known !== undefined) known.heardAtMs = nowMs
  }

  /** `connected`: the process that is known as `peer` still holds a connection. */
  admit(peer: string, shown: ProcessIdentity, nowMs: number, connected: boolean): Admission {
    const known = this.#known.get(peer)
    const message = known === undefined ? undefined : objection(peer, known, shown, nowMs, connected)
    if (message !== undefined) return { is: 'refused', message }
    if (known !== undefined && known.run === shown.run) return { is: 'same' }
    const { storageId, incarnation, run } = shown
    this.#known.set(peer, { storageId, incarnation, run, heardAtMs: nowMs })
    this.#remember({ peer, storageId, incarnation, run })
    return { is: 'new', first: known === undefined }
  }
}

function objection(
  peer: string,
  known: Known,
  shown: ProcessIdentity,
  nowMs: number,
  connected: boolean,
): string | undefined {
  if (known.run === shown.run) return undefined
  if (known.storageId !== shown.storageId) {
    return (
      `peer '${peer}' comes with another folder than before, and so without the votes and entries it answers for. ` +
      'Give it back its folder. If that is lost, keep this peer off: the others go on while they are a majority. ' +
      'To have all again, stop every peer, move their folders away, and start them with a tokenBase above the last token'
    )
  }
  const silenceMs = nowMs - (known.heardAtMs ?? -Infinity)
  // The first start on a copy has the number of a restart. But a process that was restarted has closed its connections.
  if (connected && silenceMs <= CONNECTED_LIVE_MS) {
    return (
      `another process runs as peer '${peer}' on the same data: one of the two folders is a copy; ` +
      'stop the copy, and never start a peer on it'
    )
  }
  if (shown.incarnation > known.incarnation) return undefined
  return (
    `the data of peer '${peer}' is at start ${shown.incarnation}, but it was seen at start ${known.incarnation}: ` +
    'its folder was restored or copied, and may have forgotten votes'
  )
}
