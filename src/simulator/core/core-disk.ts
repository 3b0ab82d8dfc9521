/** One peer's disk: what is durable, what is being written, and what a crash leaves of that. */
import type { Entry, HardState, RaftEffect } from '../../protocols/raft/types.ts'
import type { Withdrawal } from '../../protocols/support/types.ts'
import type { Command } from '../../registry/types.ts'
import type { Stream } from '../streams.ts'

type RaftWrite = Extract<RaftEffect<Command>, { type: 'persist' }>

/** All that one turn has to make durable, in one append. */
export interface Batch {
  readonly raft: RaftWrite[]
  readonly withdrawals: Withdrawal[]
  /** Of the last of each; 0 = none. */
  raftSequence: number
  voterSequence: number
}

export class CoreDisk {
  hardState: HardState = { term: 0, votedFor: null }
  readonly entries: Entry<Command>[] = []
  readonly withdrawals: Withdrawal[] = []
  /** Not durable yet, in the order in which it will be. */
  readonly pending: Batch[] = []
  /** Until this true time writes take so many times as long. */
  slowUntil = 0
  slowness = 1

  /** The oldest pending batch is durable now. */
  complete(): Batch | undefined {
    const batch = this.pending.shift()
    if (batch === undefined) return undefined
    for (const { hardState, entries } of batch.raft) {
      if (hardState !== undefined) this.hardState = hardState
      const first = entries?.[0]
      if (entries === undefined || first === undefined) continue
      this.entries.length = first.index - 1
      for (const entry of entries) this.entries.push(entry)
    }
    this.withdrawals.push(...batch.withdrawals)
    return batch
  }

  /** What was on its way is lost, or only the word that it arrived. Returns what arrived. */
  crash(chance: Stream): Batch[] {
    const survivors: Batch[] = []
    for (let left = chance.below(this.pending.length + 1); left > 0; left--) {
      const batch = this.complete()
      if (batch !== undefined) survivors.push(batch)
    }
    this.pending.length = 0
    return survivors
  }
}
