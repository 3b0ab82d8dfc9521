import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stage } from './testing/stage.ts'

test('each clock counts at its own rate, and a timer waits by it', async () => {
  const world = stage()
  const slow = world.add('slow', { rate: 0.5 })
  const fast = world.add('fast', { rate: 2 })
  for (const { name, process, clock } of [slow, fast]) {
    world.inside(process, () => clock.setTimer(100, () => world.tell(name)))
  }
  await world.pass(300)
  expect(world.told).toEqual(['50 fast', '200 slow'])
  expect(slow.machine.monotonicMs()).toBe(1000 + 150)
  expect(fast.machine.wallMs()).toBe(500_000 + 600)
})

test('a timer never fires before its delay by the clock that it was set by', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 0.5, max: 2, noNaN: true }),
      fc.double({ min: 0, max: 1000, noNaN: true }),
      fc.constantFrom(0, 1, 10, 1 / 1024),
      async (rate, delayMs, tickMs) => {
        const world = stage()
        const { process, clock } = world.add('a', { rate, tickMs })
        let passedMs = -1
        world.inside(process, () => {
          const since = clock.lower()
          clock.setTimer(delayMs, () => (passedMs = clock.lower() - since))
        })
        await world.pass(3000)
        // Differences of doubles are that exact and no more.
        expect(passedMs).toBeGreaterThan(delayMs - 1e-9)
        expect(passedMs).toBeLessThanOrEqual(delayMs + 2 * tickMs + 0.01)
      },
    ),
    { numRuns: 50 },
  )
})

test('a change of the rate moves the timers that wait', async () => {
  const world = stage()
  const { process, clock, machine } = world.add('a')
  world.inside(process, () => clock.setTimer(100, () => world.tell('timer')))
  await world.pass(50)
  machine.setRate(5)
  world.scheduler.reschedule(process, (task) =>
    'dueAt' in task ? (task as { dueAt(): number }).dueAt() : task.at,
  )
  await world.pass(50)
  expect(world.told).toEqual(['60 timer'])
})

test('in a sleep monotonic time stands still, wall and boot time go on, and the holder knows', async () => {
  const world = stage()
  const { process, clock, machine } = world.add('a')
  let elapsedMs = 0
  world.inside(process, () => {
    const since = clock.upper()
    clock.setTimer(100, () => {
      elapsedMs = clock.elapsedMs(since)
      world.tell('timer')
    })
  })
  await world.pass(40)
  machine.sleep()
  world.scheduler.after(1000, () => machine.wake())
  process.freeze(1040)
  await world.pass(1000)
  expect(machine.monotonicMs()).toBe(1040)
  expect(machine.wallMs()).toBe(501_040)
  expect(machine.bootMs()).toBe(3040)
  await world.pass(100)
  expect(world.told).toEqual(['1100 timer'])
  expect(elapsedMs).toBe(Infinity)
})

test('a step of the wall clock is that and nothing else', async () => {
  const world = stage()
  const { machine } = world.add('a')
  machine.stepWall(-5000)
  await world.pass(10)
  expect(machine.wallMs()).toBe(495_010)
  expect(machine.monotonicMs()).toBe(1010)
})
