import { expect, it } from 'vitest'
import { shrink } from './shrink.ts'

const numbers = Array.from({ length: 100 }, (_, number) => number)
const always = (): boolean => true

it('keeps exactly what is needed, wherever it stands', async () => {
  const needed = [3, 50, 97]
  const fails = (items: readonly number[]) => Promise.resolve(needed.every((one) => items.includes(one)))
  expect(await shrink(numbers, fails, always)).toMatchObject({ items: needed, minimal: true })
})

it('leaves nothing where nothing is needed', async () => {
  expect(await shrink(numbers, () => Promise.resolve(true), always)).toMatchObject({
    items: [],
    minimal: true,
  })
})

it('keeps everything where everything is needed', async () => {
  const few = numbers.slice(0, 5)
  const fails = (items: readonly number[]) => Promise.resolve(items.length === 5)
  expect(await shrink(few, fails, always)).toMatchObject({ items: few, minimal: true })
})

it('stops when the time is over, with something that still fails, and says so', async () => {
  let runs = 0
  const fails = (items: readonly number[]) => Promise.resolve(items.includes(3) && items.includes(97))
  const { items, minimal } = await shrink(numbers, fails, () => runs++ < 4)
  expect(minimal).toBe(false)
  expect(items).toContain(3)
  expect(items).toContain(97)
})
