/** What the records of a folder amount to, once all are read. */
import { MandateError } from '../errors.ts'
import type { PeerId } from '../protocols/quorum/types.ts'
import type { Entry, HardState } from '../protocols/raft/types.ts'
import type { Withdrawal } from '../protocols/support/types.ts'
import type { Command } from '../registry/types.ts'
import type { Start } from '../seams/storage.ts'
import type { LogRecord, PeerRecord } from './messages.ts'

export interface RecoveredPeer {
  readonly hardState: HardState
  readonly entries: readonly Entry<Command>[]
  readonly withdrawals: readonly Withdrawal[]
  /** The newest of each peer. */
  readonly peers: readonly PeerRecord[]
}

/** @throws DATA_CORRUPT when the entries have a gap: something that was written in order is missing. */
export function foldRecords(records: readonly LogRecord[]): RecoveredPeer {
  let hardState: HardState = { term: 0, votedFor: null }
  const entries: Entry<Command>[] = []
  const withdrawals: Withdrawal[] = []
  const peers = new Map<PeerId, PeerRecord>()
  for (const record of records) {
    switch (record.type) {
      case 'identity':
      case 'incarnation':
      // Of another engine: the folder's identity keeps it out of this one's hands.
      case 'engine':
        break
      case 'hard-state':
        hardState = { term: record.term, votedFor: record.votedFor }
        break
      case 'entries':
        overwrite(entries, record.entries)
        break
      case 'withdrawal':
        withdrawals.push({ session: record.session, epoch: record.epoch })
        break
      case 'peer':
        peers.set(record.peer, record)
        break
      default:
        record satisfies never
    }
  }
  return { hardState, entries, withdrawals, peers: [...peers.values()] }
}

/** How often the folder was opened, oldest first. */
export function startsOf(records: readonly LogRecord[]): readonly Start[] {
  return records.flatMap((record) =>
    record.type === 'incarnation' ? [{ incarnation: record.incarnation, run: record.run }] : [],
  )
}

function overwrite(entries: Entry<Command>[], next: readonly Entry<Command>[]): void {
  const first = next[0]
  if (first === undefined) return
  if (first.index < 1 || first.index > entries.length + 1) {
    throw new MandateError(
      'DATA_CORRUPT',
      `The log holds an entry ${first.index} right behind entry ${entries.length}: entries are missing. ` +
        'A peer that forgot what it promised must not vote: keep it off, and replace it by a new peer with an empty folder.',
      { file: 'log', offset: 0, reason: `gap before entry ${first.index}` },
    )
  }
  entries.length = first.index - 1
  for (const entry of next) entries.push(entry)
}
