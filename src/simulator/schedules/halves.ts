import { expect, type Schedule } from './schedule.ts'
import { between, play } from './stage/staged.ts'

/** Four voters in two halves: neither may name a leader, nor keep one. */
export const halves: Schedule = {
  name: 'halves',
  claim: 'Half of the voters elect nobody and support nobody (Raft §5.2, DESIGN §4.1 A3, A5)',
  async run() {
    const ways = ['p1', 'p2'].flatMap((one) => between(one, ['p3', 'p4']))
    const events = await play({
      peers: 4,
      simulatedMs: 12_000,
      actions: [{ at: 5_000, type: 'cut', shape: 'halves', ways, forMs: 10_000 }],
    })
    const later = events.filter(({ at }) => at > 8_000)
    expect(!later.some(({ type }) => type === 'elected'), 'one of two halves elects a leader')
    expect(
      !later.some((event) => event.type === 'checked' && event.valid),
      'one of two halves keeps its leader',
    )
  },
}
