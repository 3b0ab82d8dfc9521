import { step } from '../../protocols/raft/step.ts'
import { acknowledge, leader, sentTo } from '../../protocols/raft/testing/one-peer.ts'
import { expect, type Schedule } from './schedule.ts'

/** Asked before it has the whole log, the target loses the election that it starts, and the cluster its leader. */
export const transferWaits: Schedule = {
  name: 'transfer-waits',
  claim: 'The target of a transfer stands only once it has the whole log (Dissertation §3.10)',
  run() {
    const raft = leader()
    step(raft, { type: 'propose', data: ['x'] })
    const early = [...step(raft, { type: 'transfer', to: 'b' }), ...acknowledge(raft, 'b', 1)]
    expect(!sentTo(early, 'b').some(isCall), 'b is called while it lacks an entry')
    expect(sentTo(acknowledge(raft, 'b'), 'b').some(isCall), 'b is not called when it has all')
  },
}

const isCall = ({ type }: { readonly type: string }): boolean => type === 'timeout-now'
