import { expect, test } from 'vitest'
import { Touch } from './touch.ts'

test('a peer is out of touch until it follows a leader, and again from the moment it follows none', () => {
  const touch = new Touch(100)
  expect(touch.lostMs(150)).toBe(50)
  touch.follows('a', 160)
  expect(touch.lostMs(200)).toBe(0)
  touch.follows(null, 300)
  touch.follows(null, 350)
  expect(touch.lostMs(400)).toBe(100)
})

test('a peer whose leader does not hear it is out of touch, whoever leads, until it is heard', () => {
  const touch = new Touch(0)
  touch.follows('a', 0)
  touch.isHeard(false, 100)
  touch.isHeard(false, 200)
  expect(touch.lostMs(300)).toBe(200)
  touch.follows('b', 300)
  expect(touch.lostMs(400)).toBe(300)
  touch.isHeard(true, 500)
  expect(touch.lostMs(600)).toBe(0)
})
