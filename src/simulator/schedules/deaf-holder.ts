import { raftWorld, stand } from '../../testing/raft-world.ts'
import { expect, type Schedule } from './schedule.ts'

/**
 * A firewall lets a dial everybody, and nobody dial a: all hear it, and it hears nobody, so it does not even learn what it
 * is granted. Its keepalives alone must not keep an election from the others.
 */
export const deafHolder: Schedule = {
  name: 'deaf-holder',
  claim: 'Who hears no majority gives up what it is granted, although all voters hear it (L4, DESIGN §4.1)',
  async run() {
    const world = raftWorld()
    try {
      await world.start()
      await world.advance(600)
      const first = stand(world.session('b', 'b'), 'e')
      await world.until(() => first.token !== null, 'b leads')
      const deaf = stand(world.session('a', 'a'), 'e')
      await world.advance(200)
      const next = stand(world.session('c', 'c'), 'e')
      await world.advance(200)
      for (const other of ['b', 'c']) world.network.cut(other, 'a')
      await world.advance(20)
      void first.candidacy.leave({})
      await world.advance(3_000)
      expect(deaf.token === null, 'a candidate leads that hears nobody')
      expect(next.token !== null, 'a candidate that hears nobody keeps the election from who waits behind it')
    } finally {
      await world.close()
    }
  },
}
