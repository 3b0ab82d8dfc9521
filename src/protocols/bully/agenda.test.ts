import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAgenda, earliest, put, takeDue } from './agenda.ts'

const at = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(Infinity))
const action = fc.oneof(
  fc.record({ key: fc.integer({ min: 0, max: 12 }), at }),
  fc.record({ takeAt: fc.integer({ min: 0, max: 40 }) }),
)

test('it gives what a plain list gives, however often things are put off', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 400 }), (actions) => {
      const agenda = createAgenda<number>()
      const plain = new Map<number, number>()
      for (const one of actions) {
        if ('key' in one) {
          put(agenda, one.key, one.at)
          plain.delete(one.key)
          if (one.at !== Infinity) plain.set(one.key, one.at)
        } else {
          const due = [...plain].filter((entry) => entry[1] <= one.takeAt).map(([key]) => key)
          for (const key of due) plain.delete(key)
          expect(new Set(takeDue(agenda, one.takeAt))).toEqual(new Set(due))
        }
        expect(earliest(agenda)).toBe(Math.min(Infinity, ...plain.values()))
      }
    }),
  )
})
