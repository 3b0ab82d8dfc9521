import { expect, test } from 'vitest'
import { Input } from './incarnation.ts'
import { stage } from './testing/stage.ts'

test('after a stall timers come first, by the time at which they were due, then what came in, then polls', async () => {
  const world = stage()
  const { process, clock } = world.add('a')
  world.inside(process, () => {
    clock.setTimer(30, () => world.tell('timer due at 30'))
    clock.setTimer(20, () => {
      world.tell('timer due at 20')
      clock.afterPoll(() => world.tell('poll of that timer'))
    })
    process.freeze(100)
    clock.afterPoll(() => world.tell('poll from before'))
  })
  world.scheduler.put(new Input(process, () => world.tell('frame of 10')), 10)
  world.scheduler.put(new Input(process, () => world.tell('frame of 50')), 50)
  world.scheduler.put(new Input(process, () => world.tell('frame of the last instant')), 100)
  await world.pass(200)
  expect(world.told).toEqual([
    '100 timer due at 20',
    '100 timer due at 30',
    '100 frame of 10',
    '100 frame of 50',
    '100 frame of the last instant',
    '100 poll from before',
    '100 poll of that timer',
  ])
})

test('without a stall everything comes when it is due', async () => {
  const world = stage()
  const { process, clock } = world.add('a')
  world.inside(process, () => {
    clock.setTimer(30, () => world.tell('timer'))
    clock.setTimer(40, () => world.tell('never')).cancel()
  })
  world.scheduler.put(new Input(process, () => world.tell('frame')), 10)
  await world.pass(200)
  expect(world.told).toEqual(['10 frame', '30 timer'])
})

test('a poll runs after the frames that had arrived when its timer fired', async () => {
  const world = stage()
  const { process, clock } = world.add('a')
  world.inside(process, () => clock.setTimer(10, () => clock.afterPoll(() => world.tell('poll'))))
  world.scheduler.put(new Input(process, () => world.tell('frame')), 10)
  await world.pass(20)
  expect(world.told).toEqual(['10 frame', '10 poll'])
})

test('a process is struck at the very call that was named, and what goes on running in it reaches nothing', async () => {
  const world = stage()
  const { process, clock } = world.add('a')
  process.atDeath(() => world.tell('dead'))
  process.arm('timer', 2, () => process.die())
  world.inside(process, () => {
    clock.lower()
    clock.setTimer(5, () => world.tell('a timer of the dead'))
    world.tell('alive')
    clock.setTimer(6, () => world.tell('another timer of the dead'))
    world.tell('running on')
    clock.afterPoll(() => world.tell('a poll of the dead'))
    void Promise.resolve().then(() => clock.setTimer(1, () => world.tell('a microtask of the dead')))
  })
  world.inside(process, () => world.tell('an event of the dead'))
  await world.pass(50)
  expect(world.told).toEqual(['0 alive', '0 dead', '0 running on'])
})

test('a strike counts only its own kind of call; disarmed it does not come', async () => {
  const world = stage()
  const { process, clock } = world.add('a')
  process.arm('timer', 1, () => process.die())
  world.inside(process, () => clock.lower())
  await world.pass(1)
  expect(process.alive).toBe(true)
  process.disarm()
  world.inside(process, () => clock.setTimer(1, () => undefined))
  await world.pass(5)
  expect(process.alive).toBe(true)
  process.arm('any', 3, () => process.die())
  world.inside(process, () => {
    clock.lower()
    clock.lower()
    expect(process.alive).toBe(true)
    clock.lower()
  })
  await world.pass(1)
  expect(process.alive).toBe(false)
})

test('who is stopped in the middle of an event does the rest of it when it goes on, by a clock that shows that time', async () => {
  const world = stage()
  const [{ process, clock }, b] = [world.add('a'), world.add('b')]
  const readings: number[] = []
  process.arm('timer', 1, () => process.stopHalfWay(100))
  world.inside(process, () => {
    readings.push(clock.lower())
    process.act(() => world.tell('before'))
    clock.setTimer(10, () => world.tell('timer'))
    readings.push(clock.lower())
    process.act(() => world.tell('after'))
    void Promise.resolve().then(() => {
      readings.push(clock.lower())
      process.act(() => world.tell('in a microtask'))
    })
  })
  world.scheduler.put(new Input(process, () => world.tell('frame of 50')), 50)
  world.scheduler.put(new Input(b.process, () => world.tell('another process')), 60)
  await world.pass(200)
  expect(readings).toEqual([1000, 1100, 1100])
  expect(world.told).toEqual([
    '0 before',
    '60 another process',
    '100 after',
    '100 in a microtask',
    '100 frame of 50',
    '110 timer',
  ])
})

test('who is killed while it stands in the middle of an event has done nothing more', async () => {
  const world = stage()
  const { process, clock } = world.add('a')
  process.arm('clock', 1, () => process.stopHalfWay(100))
  world.inside(process, () => {
    clock.lower()
    process.act(() => world.tell('after'))
  })
  await world.pass(50)
  process.die()
  await world.pass(100)
  expect(world.told).toEqual([])
})

test('a look from outside sees the clock of a process that stands half way as it is', async () => {
  const world = stage()
  const { process, clock } = world.add('a')
  process.arm('clock', 1, () => process.stopHalfWay(100))
  world.inside(process, () => clock.lower())
  await world.pass(50)
  expect(clock.inspect(() => clock.lower())).toBe(1050)
})
