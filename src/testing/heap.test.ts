import fc from 'fast-check'
import { expect, test } from 'vitest'

import { Heap } from './heap.ts'

test('gives back what was put in, in order, whatever was taken out in between', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: null })), (steps) => {
      const heap = new Heap<number>((a, b) => a < b)
      const model: number[] = []
      for (const step of steps) {
        if (step === null) expect(heap.pop()).toBe(model.shift())
        else {
          heap.push(step)
          model.push(step)
          model.sort((a, b) => a - b)
        }
        expect(heap.top).toBe(model[0])
      }
    }),
  )
})
