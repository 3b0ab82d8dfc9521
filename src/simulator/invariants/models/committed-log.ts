/** The log as far as anybody ever learned that it is committed: by State Machine Safety there is only one. */
import type { Entry } from '../../../protocols/raft/types.ts'
import type { Command } from '../../../registry/types.ts'
import type { HistoryEvent } from '../../history.ts'
import { disksOf, type Disks } from './disks.ts'
import { Model, shared } from './shared.ts'

export class CommittedLog extends Model {
  /** Entry i at i - 1. */
  readonly entries: Entry<Command>[] = []
  /** The term in which each was committed: that of the first who knew, who is the leader. */
  readonly committedIn: number[] = []
  /** Known since the present event. */
  fresh: readonly Entry<Command>[] = []
  readonly #disks: Disks

  constructor(disks: Disks) {
    super()
    this.#disks = disks
  }

  protected override take(event: HistoryEvent): void {
    this.#disks.observe(event)
    if (this.fresh.length > 0) this.fresh = []
    if (event.type !== 'committed') return
    const { term } = this.#disks.of(event.process).written
    const fresh: Entry<Command>[] = []
    for (const entry of event.entries) {
      if (entry.index !== this.entries.length + 1) continue
      // Commands are the only data that peers put into entries.
      const known = entry as Entry<Command>
      this.entries.push(known)
      this.committedIn.push(term)
      fresh.push(known)
    }
    this.fresh = fresh
  }
}

/** Show it these events, and those of the disks. */
export const commitEvents = ['appended', 'durable', 'recovered', 'committed'] as const

export const committedLogOf = shared((context) => new CommittedLog(disksOf(context)))
