import { createElection } from '../../election/election.ts'
import { ElectionStage } from '../../testing/election-stage.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

/** Two candidates, of whom the first falls ill twice: while it leads, and, by checks that take too long, while it waits. */
export const illLeader: Schedule = {
  name: 'ill-leader',
  claim:
    'Who is ill does not stand, who falls ill hands over when its work has drained, and no two checks overlap',
  async run() {
    const stage = new ElectionStage()
    const backend = stage.process('a')
    const clock = stage.clockOf(backend)
    let health: 'well' | 'ill' = 'ill'
    let takesMs = 0
    let [atOnce, mostAtOnce] = [0, 0]
    const check = async (): Promise<void> => {
      atOnce += 1
      mostAtOnce = Math.max(mostAtOnce, atOnce)
      if (takesMs > 0) await new Promise<void>((resolve) => clock.setTimer(takesMs, resolve))
      atOnce -= 1
      if (health === 'ill') throw new Error('ill')
    }
    const a = createElection({
      name: 'billing',
      backend,
      candidate: { id: 'a', health: { check, intervalMs: 100, timeoutMs: 50, failures: 2, successes: 2 } },
    })
    const story: string[] = []
    const stop = new AbortController()
    const led = a.lead(
      ({ signal }) =>
        new Promise<void>((resolve) => {
          story.push('a works')
          signal.addEventListener('abort', () =>
            clock.setTimer(300, () => {
              story.push('a has stopped')
              resolve()
            }),
          )
        }),
      { signal: stop.signal },
    )
    await stage.pass(1_000)
    expect(story.length === 0, 'who is ill from the start leads')
    health = 'well'
    await stage.pass(500)
    const b = stage.election('b')
    const next = b.campaign()
    void next.then(() => story.push('b leads'))
    await stage.pass(500)
    health = 'ill'
    await stage.pass(1_000)
    health = 'well'
    await stage.pass(1_000)
    takesMs = 120
    await stage.pass(1_000)
    expectEqual(story, ['a works', 'a has stopped', 'b leads'], 'the order of things')
    const leadership = await stage.run(next)
    await stage.run(leadership.resign())
    await stage.pass(500)
    expectEqual(story.length, 3, 'what happened, with one too slow to be well and one who resigned')
    takesMs = 1_000
    await stage.pass(5_000)
    expectEqual(mostAtOnce, 1, 'checks at once')
    stop.abort()
    await stage.run(led)
  },
}
