import { raftWorld, stand } from '../../testing/raft-world.ts'
import { expect, type Schedule } from './schedule.ts'
import { raftLeader } from './stage/raft-leader.ts'

/**
 * The way from a to the Raft leader breaks, and no other: a hears the leader, and all others hear a. What the leader grants to
 * a candidate of a is committed, but a is never told, for the leader does not know that a has it; and the voters go on
 * hearing the candidate, so that nobody may end its session.
 */
export const unheardSponsor: Schedule = {
  name: 'unheard-sponsor',
  claim: 'Who is heard by a majority, but not by the Raft leader, keeps no election from the others (L4)',
  async run() {
    const world = raftWorld({ peers: ['a', 'b', 'c', 'd', 'e'] })
    try {
      // a comes last, so that another one leads.
      await world.start('b', 'c', 'd', 'e')
      await world.advance(600)
      await world.start('a')
      await world.advance(300)
      const leader = await raftLeader(world, 'b')
      const first = stand(world.session('x', leader), 'e')
      await world.until(() => first.token !== null, 'x leads')
      stand(world.session('y', 'a'), 'e')
      await world.advance(200)
      const next = stand(world.session('z', leader), 'e')
      await world.advance(200)
      world.network.cut('a', leader)
      await world.advance(20)
      void first.candidacy.leave({})
      await world.advance(12_000)
      expect(
        next.token !== null,
        'a candidate that cannot know of its grant keeps the election from who waits behind it',
      )
    } finally {
      await world.close()
    }
  },
}
