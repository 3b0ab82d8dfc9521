import { raftWorld, stand } from '../../testing/raft-world.ts'
import { expect, type Schedule } from './schedule.ts'

/**
 * A firewall rejects the leader's connections: to all others it looks dead, while it lives and believes. In time mode
 * evidence of death starts elections of the Raft leader, and nothing else.
 */
export const falseEvidence: Schedule = {
  name: 'false-evidence',
  claim: 'Evidence of death ends no time-mode leadership before its lease is over (DESIGN §4.2)',
  async run() {
    const world = raftWorld({ timing: { heartbeatMs: 50, electionTimeoutMs: [150, 300], leaseMs: 2_000 } })
    try {
      await world.start()
      await world.advance(600)
      const holder = stand(world.session('a', 'a'), 'e')
      await world.until(() => holder.token !== null, 'a leads')
      const waiter = stand(world.session('b', 'b'), 'e')
      await world.advance(200)
      world.network.isolate('a')
      for (const other of ['b', 'c']) world.eventsOf(other)?.peerRefused('a')
      // 2.5 heartbeats have passed since it was heard, and most of its lease is still to come.
      await world.advance(1_000)
      expect(waiter.token === null, 'a successor is named on evidence of death, while the lease is not over')
      await world.until(() => waiter.token !== null, 'b leads when the lease is over')
    } finally {
      await world.close()
    }
  },
}
