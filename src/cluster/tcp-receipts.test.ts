import { expect, it } from 'vitest'
import { manualClock } from '../testing/manual-clock.ts'
import { Receipts } from './tcp-receipts.ts'

it('on a lane in use go with the frames that come in, one a second, and need no timer to fire', () => {
  const clock = manualClock()
  const sent: number[] = []
  let timersFired = 0
  const receipts = new Receipts(
    {
      ...clock,
      setTimer: (delayMs, fire) =>
        clock.setTimer(delayMs, () => {
          timersFired++
          fire()
        }),
    },
    () => void sent.push(clock.trueMs()),
  )
  for (let beat = 0; beat < 50; beat++) {
    // Several frames in one piece.
    receipts.received()
    receipts.received()
    clock.advance(100)
  }
  expect(sent).toEqual([0, 1000, 2000, 3000, 4000])
  expect(timersFired).toBe(0)
})

it('are given for the last frames before silence too', () => {
  const clock = manualClock()
  const sent: number[] = []
  const receipts = new Receipts(clock, () => void sent.push(clock.trueMs()))
  receipts.received()
  clock.advance(10)
  receipts.received()
  clock.advance(10_000)
  expect(sent).toEqual([0, 1510])
  expect(clock.pendingTimers()).toBe(0)
  receipts.received()
  receipts.received()
  receipts.stop()
  expect(clock.pendingTimers()).toBe(0)
})
