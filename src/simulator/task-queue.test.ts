import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Task, TaskQueue } from './task-queue.ts'

class Named extends Task {
  readonly mark: number

  constructor(mark: number) {
    super(null, 'input')
    this.mark = mark
  }

  run(): void {
    // Never run here.
  }
}

function takenFrom(queue: TaskQueue): Task[] {
  const taken: Task[] = []
  for (let task = queue.take(); task !== undefined; task = queue.take()) taken.push(task)
  return taken
}

test('tasks come out by time, and at one time in the order in which they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (times) => {
      const queue = new TaskQueue()
      times.forEach((at, index) => queue.put(new Named(index), at))
      const expected = times
        .map((at, index) => ({ at, index }))
        .toSorted((a, b) => a.at - b.at || a.index - b.index)
      expect(takenFrom(queue).map(({ mark }) => mark)).toEqual(expected.map(({ index }) => index))
    }),
  )
})

test('between puts and takes nothing is lost and nothing overtakes', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 0, max: 9 }))), (steps) => {
      const queue = new TaskQueue()
      const model: { at: number; index: number }[] = []
      steps.forEach((at, index) => {
        if (at !== null) {
          queue.put(new Named(index), at)
          model.push({ at, index })
          return
        }
        model.sort((a, b) => a.at - b.at || a.index - b.index)
        expect(queue.take()?.mark).toBe(model.shift()?.index)
      })
      expect(queue.size).toBe(model.length)
    }),
  )
})

test('rescheduled tasks come out by their new times; what was cancelled is forgotten', () => {
  const queue = new TaskQueue()
  for (let mark = 0; mark < 20; mark++) queue.put(new Named(mark), mark)
  ;(queue.first() as Task).cancelled = true
  queue.reschedule((task) => 100 - task.at)
  expect(takenFrom(queue).map(({ mark }) => mark)).toEqual(
    Array.from({ length: 19 }, (_, index) => 19 - index),
  )
})
