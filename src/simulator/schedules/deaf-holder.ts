import { expect, type Schedule } from './schedule.ts'
import { peersOf, play } from './stage/staged.ts'

const others = peersOf(3).slice(1)

/**
 * A one-way link for ever: everybody hears p1, and p1 hears nobody, so it does not even learn what it is granted. Its
 * keepalives alone must not keep an election from the others.
 */
export const deafHolder: Schedule = {
  name: 'deaf-holder',
  claim:
    'Who hears no majority gives up what it holds or is granted, although all voters hear it (L4, DESIGN §4.1)',
  async run() {
    const ways = others.map((other) => [other, 'p1'] as const)
    const events = await play({
      peers: 3,
      simulatedMs: 14_000,
      // p1 leads, or is the next in the queue, when it goes deaf.
      standsAtMs: [2_000, 0, 4_000],
      actions: [
        { at: 6_000, type: 'cut', shape: 'deaf', ways, forMs: 20_000 },
        { at: 6_100, type: 'resign', place: 1 },
      ],
    })
    const heirs = events.filter((event) => event.type === 'elected' && event.at > 6_100)
    expect(
      heirs.some(({ process }) => process === 'p3'),
      'a candidate that hears nobody keeps the election from who waits behind it',
    )
  },
}
