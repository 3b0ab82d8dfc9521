import { expect, it } from 'vitest'
import { StateStore } from './state-store.ts'

it('keeps every state once, in the order in which they came, with where each came from', () => {
  const store = new StateStore(3)
  const count = 200_000
  for (let number = 0; number < count; number++) {
    if (!store.add([number, number % 7, 0], number - 1)) expect.fail(`${number} is new`)
  }
  expect(store.size).toBe(count)
  for (const number of [0, 1, 65_535, 65_536, count - 1]) {
    expect([...store.at(number)]).toEqual([number, number % 7, 0])
    expect(store.parentOf(number)).toBe(number - 1)
    expect(store.add([number, number % 7, 0], 5)).toBe(false)
  }
  expect(store.size).toBe(count)
})
