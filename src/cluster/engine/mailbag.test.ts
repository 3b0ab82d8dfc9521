import { expect, test } from 'vitest'
import { carriedAtOnce } from './engine.ts'
import { Mailbag } from './mailbag.ts'

test('what a turn says about thousands of elections leaves in as few messages as it fits', () => {
  const sent: { readonly to: string; readonly letters: readonly number[] }[] = []
  const bag = new Mailbag<number>((to, _, letters) => sent.push({ to, letters }))
  const said = Array.from({ length: 10_000 }, (_, letter) => letter)
  for (const letter of said) bag.put('b', '@a', letter)
  bag.put('c', '@a', 1)
  bag.empty()
  const toB = sent.filter(({ to }) => to === 'b').map(({ letters }) => letters)
  expect(toB.flat()).toEqual(said)
  expect(toB.length).toBe(Math.ceil(said.length / carriedAtOnce))
  expect(sent.at(-1)).toEqual({ to: 'c', letters: [1] })
})
