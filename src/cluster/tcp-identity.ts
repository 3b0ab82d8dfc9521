/**
 * Who stands behind each peer id. A peer that comes back with less than it had (an empty, restored or copied folder)
 * could vote twice in one term, or help to elect a leader without an entry that it had acknowledged: it is not let in
 * (DESIGN §4.2). Remembered on disk, so that a restart of this peer does not forget it.
 *
 * A folder that went back can be started until its number is above the one that is remembered, so the number proves
 * nothing: the folder has to show the very start that is remembered among its own.
 */
import type { ProcessIdentity, Start } from '../seams/storage.ts'
import type { PeerRecord } from './messages.ts'

/**
 * So long after its last frame a process still counts as running if it also holds a connection. A process may stall for that
 * long at any timing, and a copy of its folder must not be let in meanwhile; so fast timing does not make it shorter, and a
 * host that lost its power and is back sooner waits for the rest of it. Slow heartbeats make it longer.
 */
const CONNECTED_LIVE_MS = 2000
const CONNECTED_LIVE_HEARTBEATS = 5

const WAY_OUT =
  'Give it back its folder. If that is lost, keep this peer off: the others go on while they are a majority. ' +
  'To have all again, stop every peer, move their folders away, and start them with a tokenBase above the last token'

interface Known extends Start {
  readonly storageId: string
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
  readonly #liveMs: number

  constructor(
    remembered: readonly PeerRecord[],
    remember: (record: PeerRecord) => void,
    heartbeatMs: number,
  ) {
    this.#liveMs = Math.max(CONNECTED_LIVE_MS, CONNECTED_LIVE_HEARTBEATS * heartbeatMs)
    for (const { peer, ...identity } of remembered)
      this.#known.set(peer, { ...identity, heardAtMs: undefined })
    this.#remember = remember
  }

  /** The start at which it was let in last; null: never. */
  seen(peer: string): number | null {
    return this.#known.get(peer)?.incarnation ?? null
  }

  /** `nowMs` by `clock.lower()`. */
  heard(peer: string, nowMs: number): void {
    const known = this.#known.get(peer)
    if (known !== undefined) known.heardAtMs = nowMs
  }

  /** `connected`: the process that is known as `peer` still holds a connection. */
  admit(peer: string, shown: ProcessIdentity, nowMs: number, connected: boolean): Admission {
    const known = this.#known.get(peer)
    const isLive = connected && nowMs - (known?.heardAtMs ?? -Infinity) <= this.#liveMs
    const message = known === undefined ? undefined : objection(peer, known, shown, isLive)
    if (message !== undefined) return { is: 'refused', message }
    if (known !== undefined && known.run === shown.run) return { is: 'same' }
    const { storageId, incarnation, run } = shown
    this.#known.set(peer, { storageId, incarnation, run, heardAtMs: nowMs })
    this.#remember({ peer, storageId, incarnation, run })
    return { is: 'new', first: known === undefined }
  }
}

function objection(peer: string, known: Known, shown: ProcessIdentity, isLive: boolean): string | undefined {
  if (known.storageId !== shown.storageId) {
    return (
      `peer '${peer}' comes with another folder than before, and so without the votes and entries it answers for. ` +
      WAY_OUT
    )
  }
  if (known.run === shown.run) return undefined
  // The first start on a copy has the number of a restart. But a process that was restarted has closed its connections.
  if (isLive) {
    return (
      `another process runs as peer '${peer}' on the same data: one of the two folders is a copy; ` +
      'stop the copy, and never start a peer on it'
    )
  }
  const then = shown.earlier.find(({ incarnation }) => incarnation === known.incarnation)
  if (then?.run === known.run) return undefined
  if (then === undefined && shown.incarnation > known.incarnation) {
    return (
      `peer '${peer}' is at start ${shown.incarnation}, but was seen at start ${known.incarnation}, which it has not ` +
      'shown among its own; it is asked for it, and let in once it shows that one'
    )
  }
  return (
    `the data of peer '${peer}' is at start ${shown.incarnation} and does not go on from start ${known.incarnation}, ` +
    `at which it was seen: its folder was restored or copied, and may have forgotten votes. ${WAY_OUT}`
  )
}
