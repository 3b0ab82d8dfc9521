import { raftWorld, stand } from '../../testing/raft-world.ts'
import { expect, type Schedule } from './schedule.ts'
import { raftLeader } from './stage/raft-leader.ts'

/**
 * Firewalls let a dial everybody, and only the Raft leader dial a: all hear it, it follows the log and knows what it is
 * granted, and no majority's acknowledgement comes back. Its keepalives alone must not keep the election from the others.
 */
export const deafHolder: Schedule = {
  name: 'deaf-holder',
  claim: 'Who hears no majority gives up what it is granted, although all voters hear it (L4, DESIGN §4.1)',
  async run() {
    const world = raftWorld({ peers: ['a', 'b', 'c', 'd', 'e'] })
    try {
      // a comes last, so that another one leads.
      await world.start('b', 'c', 'd', 'e')
      await world.advance(600)
      await world.start('a')
      await world.advance(300)
      const leader = await raftLeader(world, 'b')
      const others = ['b', 'c', 'd', 'e'].filter((peer) => peer !== leader)
      const first = stand(world.session('x', leader), 'e')
      await world.until(() => first.token !== null, 'x leads')
      stand(world.session('y', 'a'), 'e')
      await world.advance(200)
      const next = stand(world.session('z', leader), 'e')
      await world.advance(200)
      for (const other of others) world.network.cut(other, 'a')
      await world.advance(20)
      void first.candidacy.leave({})
      await world.advance(4_000)
      expect(
        next.token !== null,
        'a candidate that no majority reaches keeps the election from who waits behind it',
      )
    } finally {
      await world.close()
    }
  },
}
