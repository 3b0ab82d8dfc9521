import { RaftLiveness } from '../../backends/raft-liveness.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { expect, type Schedule } from './schedule.ts'

/** The process stands still for most of a lease right after its keepalive left; the voters have counted as long already. */
export const standsStillWhileSending: Schedule = {
  name: 'stands-still-while-sending',
  claim:
    'A deadline counts from before its keepalive was sent, wherever the process stands still (DESIGN §4.1 A1)',
  run() {
    const clock = manualClock()
    const voters = ['a', 'b', 'c']
    const liveness = new RaftLiveness(
      { clock, voters, heartbeatMs: 100, leaseMs: 1_000, maxClockDrift: 0.001, tickMs: 1 },
      {
        keepalive: () => clock.stall(800),
        reopen: () => undefined,
        renewed: () => undefined,
        beaten: () => true,
        forsaken: () => false,
      },
    )
    liveness.opened(1)
    liveness.beat()
    for (const voter of voters) {
      const about = { session: 's', epoch: 1, sequence: 1 } as const
      liveness.received({ type: 'keepalive-ack', ...about, voter, voterIncarnation: 1 })
    }
    expect(liveness.renewal !== null, 'a lease of which a fifth is left supports nobody')
    clock.advance(300)
    expect(liveness.renewal === null, 'a lease counts from after the keepalive was sent')
    liveness.stop()
  },
}
