import { RaftLiveness } from '../../backends/raft-liveness.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { expect, type Schedule } from './schedule.ts'

/** The voters answer at once; the answers take most of the lease. By then the voters have counted as long already. */
export const slowAcknowledgements: Schedule = {
  name: 'slow-acknowledgements',
  claim: 'A deadline counts from the sending of the keepalive that a majority acknowledged (DESIGN §4.1 A3)',
  run() {
    const clock = manualClock()
    const voters = ['a', 'b', 'c']
    const sequences: number[] = []
    const liveness = new RaftLiveness(
      { clock, voters, heartbeatMs: 100, leaseMs: 1_000, maxClockDrift: 0.001, tickMs: 1 },
      {
        keepalive: (_, sequence) => sequences.push(sequence),
        reopen: () => undefined,
        renewed: () => undefined,
        beaten: () => false,
        forsaken: () => false,
      },
    )
    liveness.opened(1)
    liveness.beat()
    clock.advance(800)
    const [sequence = 0] = sequences
    for (const voter of voters) {
      const about = { session: 's', epoch: 1, sequence } as const
      liveness.received({ type: 'keepalive-ack', ...about, voter, voterIncarnation: 1 })
    }
    expect(liveness.renewal !== null, 'a lease of which a fifth is left supports nobody')
    clock.advance(300)
    expect(liveness.renewal === null, 'a lease counts from its acknowledgement')
    liveness.stop()
  },
}
