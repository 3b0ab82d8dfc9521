import { expect, it } from 'vitest'
import { Incarnation } from '../incarnation.ts'
import { Scheduler } from '../scheduler.ts'
import { Alarm } from './alarm.ts'

function stage() {
  const scheduler = new Scheduler(() => undefined, { began: () => undefined })
  const process = new Incarnation(scheduler, 'a', 1, 1)
  const rang: number[] = []
  const alarm = new Alarm(scheduler, process, 1, () => void rang.push(scheduler.now))
  const pass = (end: number): void => {
    while (scheduler.step(end));
  }
  return { scheduler, process, alarm, rang, pass }
}

it('rings once, when it is due', () => {
  const { alarm, rang, pass } = stage()
  alarm.set(5)
  pass(100)
  expect(rang).toEqual([5])
})

it('set later before it rings, rings only then; set sooner, at once then', () => {
  const { alarm, rang, pass } = stage()
  alarm.set(5)
  alarm.set(20)
  pass(10)
  expect(rang).toEqual([])
  alarm.set(12)
  pass(100)
  expect(rang).toEqual([12])
})

it('is silent once it is cancelled, and rings again when it is set again', () => {
  const { alarm, rang, pass } = stage()
  alarm.set(5)
  alarm.cancel()
  pass(10)
  alarm.set(15)
  alarm.cancel()
  alarm.set(30)
  pass(100)
  expect(rang).toEqual([30])
})

it('waits with a process that is frozen, and may be set anew meanwhile', () => {
  const { process, alarm, rang, pass } = stage()
  alarm.set(5)
  process.freeze(50)
  pass(100)
  expect(rang).toEqual([50])
  alarm.set(110)
  process.freeze(150)
  pass(120)
  alarm.set(200)
  pass(300)
  expect(rang).toEqual([50, 200])
})

it('dies with its process', () => {
  const { process, alarm, rang, pass } = stage()
  alarm.set(5)
  process.die()
  pass(100)
  expect(rang).toEqual([])
})
