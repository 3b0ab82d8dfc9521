import type { HistoryEvent } from '../history.ts'
import { perfectRoute } from '../route.ts'
import { expect, type Schedule } from './schedule.ts'
import { play } from './stage/staged.ts'

/** Peers with adaptive tuning, on a network that is fast and then gets slow and uneven. */
export const tunedPatience: Schedule = {
  name: 'tuned-patience',
  claim: 'A tuned follower suspects a silent leader soon, and no sooner than was promised and measured',
  async run() {
    const silent = await playTuned([{ at: 8_000, type: 'power-loss', process: '@raft', backAfterMs: null }])
    const next = silent.find(({ type, at }) => type === 'led' && at > 8_000)
    const afterMs = (next?.at ?? Infinity) - 8_000
    // Untuned it takes half a second at least.
    expect(afterMs < 300, `the next leader comes ${afterMs} ms after a silent death`)
    // Beats that leave in one interval come up to 60 ms more apart.
    const quality = { ...perfectRoute, minMs: 90, maxMs: 150 }
    const uneven = await playTuned([{ at: 4_000, type: 'weather', ways: [], quality, forMs: null }])
    const asked = uneven.filter(
      (event) =>
        event.type === 'sent' &&
        event.at > 6_000 &&
        event.message.kind === 'raft' &&
        event.message.message.type === 'pre-vote',
    )
    expect(asked.length === 0, `${asked.length} questions for votes, although the leader beats as promised`)
  },
}

function playTuned(actions: Parameters<typeof play>[0]['actions']): Promise<readonly HistoryEvent[]> {
  return play({
    peers: 3,
    simulatedMs: 16_000,
    actions,
    processes: (plan) => ({ ...plan, tuning: 'adaptive' }),
  })
}
