import type { Action } from '../plan.ts'
import { expectEqual, type Schedule } from './schedule.ts'
import { peersOf, play } from './stage/staged.ts'

/**
 * One voter after the other does not hear the leader, among them the one that leads Raft: it asks all for their
 * withdrawal, again and again, and only it may agree. The session moves to a new epoch each time, and goes on.
 */
export const deafVoter: Schedule = {
  name: 'deaf-voter',
  claim:
    'A single voter that does not hear a session ends it neither at once nor, by and by, with others (DESIGN §4.1 A5)',
  async run() {
    const deaf = peersOf(5).slice(1)
    const actions = deaf.map((process, turn): Action => {
      return { at: 5_000 + turn * 4_000, type: 'cut', shape: 'deaf', ways: [['p1', process]], forMs: 3_000 }
    })
    const events = await play({ peers: 5, simulatedMs: 22_000, actions })
    const led = events.filter(({ type }) => type === 'elected' || type === 'lost')
    expectEqual(
      led.map(({ type, process }) => `${process} ${type}`),
      ['p1 elected'],
      'leaderships while never more than one voter was deaf',
    )
  },
}
