/** What each peer handed to its disk, and what of it is durable: the promises that it must keep. */
import type { LogRecord } from '../../../cluster/messages.ts'
import type { HistoryEvent } from '../../history.ts'
import { Model, shared } from './shared.ts'

export type EngineRecord = Extract<LogRecord, { type: 'engine' }>['record']

/** What records amount to. */
export class Folder {
  term = 0
  votedFor: string | null = null
  /** Of the log's entries: the term of entry i at i - 1. With Log Matching this says which entry it is. */
  readonly terms: number[] = []
  /** By session, the epochs withdrawn. */
  readonly withdrawals = new Map<string, number[]>()
  /** What an engine without a log wrote, oldest first. */
  readonly engine: EngineRecord[] = []

  write(record: LogRecord): void {
    switch (record.type) {
      case 'hard-state':
        this.term = record.term
        this.votedFor = record.votedFor
        return
      case 'entries': {
        const first = record.entries[0]
        if (first === undefined) return
        this.terms.length = Math.min(this.terms.length, first.index - 1)
        for (const { term } of record.entries) this.terms.push(term)
        return
      }
      case 'withdrawal': {
        const epochs = this.withdrawals.get(record.session)
        if (epochs === undefined) this.withdrawals.set(record.session, [record.epoch])
        else if (!epochs.includes(record.epoch)) epochs.push(record.epoch)
        return
      }
      case 'identity':
      case 'incarnation':
      case 'peer':
        return
      case 'engine':
        this.engine.push(record.record)
        return
      default:
        record satisfies never
    }
  }

  hasWithdrawn(session: string, epoch: number): boolean {
    return this.withdrawals.get(session)?.includes(epoch) ?? false
  }
}

/** Of one process. After a crash `written` means nothing until the next start has read the folder. */
export interface PeerDisk {
  written: Folder
  durable: Folder
  /** Handed over, not durable. */
  pending: { readonly batch: number; readonly records: readonly LogRecord[] }[]
}

export class Disks extends Model {
  /** What became durable with the present event; of a start, nothing. */
  fresh: readonly LogRecord[] = []
  readonly #disks = new Map<string, PeerDisk>()

  of(process: string): PeerDisk {
    let disk = this.#disks.get(process)
    if (disk === undefined) {
      disk = { written: new Folder(), durable: new Folder(), pending: [] }
      this.#disks.set(process, disk)
    }
    return disk
  }

  protected override take(event: HistoryEvent): void {
    if (this.fresh.length > 0) this.fresh = []
    switch (event.type) {
      case 'appended': {
        const disk = this.of(event.process)
        for (const record of event.records) disk.written.write(record)
        disk.pending.push({ batch: event.batch, records: event.records })
        return
      }
      case 'durable': {
        const disk = this.of(event.process)
        const done = disk.pending.filter(({ batch }) => batch <= event.batch)
        disk.pending = disk.pending.filter(({ batch }) => batch > event.batch)
        this.fresh = done.flatMap(({ records }) => records)
        for (const record of this.fresh) disk.durable.write(record)
        return
      }
      case 'recovered':
        this.#disks.set(event.process, {
          written: foldedFrom(event.records),
          durable: foldedFrom(event.records),
          pending: [],
        })
        return
      default:
    }
  }
}

export function foldedFrom(records: readonly LogRecord[]): Folder {
  const folder = new Folder()
  for (const record of records) folder.write(record)
  return folder
}

/** Show it these events. */
export const diskEvents = ['appended', 'durable', 'recovered'] as const

export const disksOf = shared(() => new Disks())
