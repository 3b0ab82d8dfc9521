import { expect, test } from 'vitest'
import { breaches, type Grant } from './grant-history.ts'

const grant = (by: string, token: number, at: number, until: number, since = at): Grant => ({
  by,
  token: BigInt(token),
  since,
  at,
  until,
})

test('one after the other is no breach', () => {
  expect(breaches([grant('a', 1, 0, 10), grant('b', 2, 10, 20), grant('a', 5, 30, 40)], 'time')).toEqual([])
})

test('two who believe at once are a breach in time mode only', () => {
  const history = [grant('a', 1, 0, 10), grant('b', 2, 9, 20)]
  expect(breaches(history, 'time')).toEqual([expect.stringContaining('overlaps token 1 of a')])
  expect(breaches(history, 'token')).toEqual([])
})

test('an overlap with one who is no neighbour is seen', () => {
  const history = [grant('a', 1, 0, 100), grant('b', 2, 10, 20), grant('c', 3, 30, 40)]
  expect(breaches(history, 'time')).toHaveLength(2)
})

test('a token given twice is a breach in both modes', () => {
  const history = [grant('a', 1, 0, 10), grant('b', 1, 20, 30)]
  for (const mode of ['time', 'token'] as const) {
    expect(breaches(history, mode)).toEqual([expect.stringContaining('has the token of')])
  }
})

test('a token behind one that was acknowledged before its campaign began is a breach', () => {
  expect(breaches([grant('a', 5, 0, 10), grant('b', 4, 20, 30)], 'token')).toEqual([
    expect.stringContaining('goes back behind token 5 of a'),
  ])
})

test('in token mode two whose campaigns ran at once may hear of their grants in either order', () => {
  expect(breaches([grant('a', 5, 10, 20), grant('b', 4, 12, 30, 3)], 'token')).toEqual([])
})
