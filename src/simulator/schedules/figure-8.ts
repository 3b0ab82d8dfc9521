import { acknowledge, leader, persisted } from '../../protocols/raft/testing/one-peer.ts'
import { expectEqual, type Schedule } from './schedule.ts'

/**
 * Raft Figure 8: S1 leads term 4 with an entry of term 2 that a majority holds by now. A peer with a newer last term
 * may still be elected and overwrite it, so it is not committed before an entry of term 4 is.
 */
export const figure8: Schedule = {
  name: 'figure-8',
  claim: 'Counting copies commits entries of the own term only (Raft §5.4.2)',
  run() {
    const raft = leader({ voters: ['a', 'b', 'c', 'd', 'e'], terms: [1, 2], term: 3 })
    for (const follower of ['b', 'c', 'd']) acknowledge(raft, follower, 2)
    expectEqual(raft.commitIndex, 0, 'committed of older terms by counting')
    for (const follower of ['b', 'c']) acknowledge(raft, follower, 3)
    persisted(raft)
    expectEqual(raft.commitIndex, 3, 'committed with an entry of the own term')
  },
}
