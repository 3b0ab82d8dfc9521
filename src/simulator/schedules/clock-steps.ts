import { expect, type Schedule } from './schedule.ts'
import { between, peersOf, play } from './stage/staged.ts'

const others = peersOf(3).slice(1)

/**
 * The leader is cut off and still believes, rightly, while an NTP step moves the wall clocks of all voters forward by ten
 * leases. Whoever counted silence by those would name a successor at once.
 */
export const clockSteps: Schedule = {
  name: 'clock-steps',
  claim: 'A forward step of the voters\' wall clocks ends nobody\'s lease (DESIGN §2 "Clocks")',
  async run() {
    const events = await play({
      peers: 3,
      simulatedMs: 9_000,
      actions: [
        { at: 5_000, type: 'cut', shape: 'isolated', ways: between('p1', others), forMs: 10_000 },
        ...others.map((process) => ({ at: 5_010, type: 'clock-step', process, ms: 10_000 }) as const),
      ],
    })
    expect(
      events.filter(({ type }) => type === 'elected').length === 2,
      'the leader that was cut off has no successor',
    )
  },
}
