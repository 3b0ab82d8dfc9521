import { createVoter, stepVoter, type Voter } from '../../protocols/support/voter.ts'
import { expect, type Schedule } from './schedule.ts'

const session = 's'

/**
 * A key that lived twice: opened at 4, expired, and opened again at 9 by a delayed duplicate of its first request. A voter
 * withdrew the second life and restarts. While it replays the end of the first it must not forget the second.
 */
export const secondLife: Schedule = {
  name: 'second-life',
  claim: 'A voter that replays the end of an earlier life of a key keeps what it withdrew of the later (A2)',
  run() {
    const voter = createVoter({
      self: 'v',
      incarnation: 2,
      bounds: { maxClockDrift: 0.001, tickMs: 1 },
      startedAt: 0,
      withdrawals: [{ session, epoch: 9 }],
    })
    expect(!acknowledges(voter), 'it acknowledges what it withdrew, before it replays its log')
    stepVoter(voter, { type: 'opened', session, epoch: 4, leaseMs: 1_000 }, 0)
    stepVoter(voter, { type: 'closed', session }, 0)
    expect(!acknowledges(voter), 'it acknowledges what it withdrew, because an earlier life has ended')
    stepVoter(voter, { type: 'opened', session, epoch: 9, leaseMs: 1_000 }, 0)
    expect(!acknowledges(voter), 'it acknowledges what it withdrew, once it has replayed its log')
  },
}

function acknowledges(voter: Voter): boolean {
  const keepalive = { type: 'keepalive', session, epoch: 9, sequence: 1 } as const
  const effects = stepVoter(voter, { type: 'keepalive', from: 'u', keepalive }, 1)
  return effects.some((effect) => effect.type === 'send' && effect.message.type === 'keepalive-ack')
}
