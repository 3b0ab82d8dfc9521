import { expect, type Schedule } from './schedule.ts'
import { play } from './stage/staged.ts'

/**
 * The leader's machine sleeps, or its event loop stands still, for many leases; others take over meanwhile. Awake, it
 * must know at its first look: monotonic time does not tell of sleep, and a timer does not fire before that look.
 */
export const frozenLeaders: Schedule = {
  name: 'frozen-leaders',
  claim:
    'A leader that did not run for a lease is not valid when it runs again, before any timer fires (S3, S6)',
  async run() {
    for (const type of ['suspend', 'pause', 'stall'] as const) {
      const events = await play({
        peers: 3,
        simulatedMs: 10_000,
        actions: [
          // Set back by more than the sleep, so that the wall clock seems to have gone nowhere.
          { at: 5_002, type: 'clock-step', process: 'p1', ms: -6_000 },
          { at: 5_003, type, process: 'p1', forMs: 4_000 },
        ],
      })
      expect(
        events.some((event) => event.type === 'elected' && event.process !== 'p1'),
        `nobody takes over from a leader in ${type}`,
      )
      expect(
        events.some((event) => event.type === 'lost' && event.process === 'p1'),
        `a leader is not told of its loss after ${type}`,
      )
    }
  },
}
