import { expect, test } from 'vitest'
import { carriedAtOnce } from './engine.ts'
import { Mailbag } from './mailbag.ts'

test('of a turn about thousands of elections only the first messages to a peer go by the urgent lane', () => {
  const sent: { readonly to: string; readonly letters: number; readonly lane: string }[] = []
  const bag = new Mailbag<number>((to, _, letters, lane) => sent.push({ to, letters: letters.length, lane }))
  for (let letter = 0; letter < 10_000; letter++) bag.put('b', '@a', letter)
  bag.put('c', '@a', 1)
  bag.empty()
  expect(sent.reduce((sum, { letters }) => sum + letters, 0)).toBe(10_001)
  expect(Math.max(...sent.map(({ letters }) => letters))).toBe(carriedAtOnce)
  const urgent = sent.filter(({ lane }) => lane === 'urgent')
  expect(urgent.map(({ to }) => to)).toEqual([...Array.from({ length: 4 }, () => 'b'), 'c'])
})
