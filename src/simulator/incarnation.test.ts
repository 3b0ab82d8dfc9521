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
