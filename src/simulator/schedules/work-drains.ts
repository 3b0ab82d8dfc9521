import { ElectionStage } from '../../testing/election-stage.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

/** Work takes its time to stop, and a leadership is lost under it: what `lead()` promises about both. */
export const workDrains: Schedule = {
  name: 'work-drains',
  claim:
    'The next one leads only after the work of the last one has drained, and lead() campaigns again after a loss',
  async run() {
    await drains()
    await leadsAgain()
  },
}

async function drains(): Promise<void> {
  const stage = new ElectionStage()
  const story: string[] = []
  const stop = new AbortController()
  const led = stage.election('a').lead(
    ({ signal }) =>
      new Promise<void>((resolve) => {
        story.push('a works')
        signal.addEventListener('abort', () => {
          stage.clock.setTimer(300, () => {
            story.push('a has stopped')
            resolve()
          })
        })
      }),
    { signal: stop.signal },
  )
  await stage.pass(100)
  const next = stage
    .election('b')
    .campaign()
    .then(() => story.push('b leads'))
  await stage.pass(100)
  stop.abort()
  await stage.run(led)
  await stage.run(next)
  expectEqual(story, ['a works', 'a has stopped', 'b leads'], 'the order of things')
}

async function leadsAgain(): Promise<void> {
  const stage = new ElectionStage()
  let terms = 0
  const stop = new AbortController()
  const election = stage.election('a')
  const led = election.lead(
    ({ signal }) => {
      terms += 1
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    },
    { signal: stop.signal },
  )
  await stage.pass(100)
  stage.space.revoke('billing')
  await stage.pass(5_000)
  expect(terms === 2, `lead() works ${terms} times, with one loss between`)
  stop.abort()
  await stage.run(led)
}
