import { expect, test } from 'vitest'
import { KillInstant } from './kill-instant.ts'

const at = (ms: number) => ({ monotonicNs: BigInt(ms) * 1_000_000n, bootMs: 5000 + ms })
const told = (instant: KillInstant, ms: number) => Number(instant.at(at(ms)).monotonicNs) / 1e6

test('a margin before the end of the lease, moved by each renewal', () => {
  const instant = new KillInstant(200)
  instant.renew(at(0), 3000)
  expect(told(instant, 0)).toBe(2800)
  instant.renew(at(100), 3000)
  expect(told(instant, 100)).toBe(2900)
  expect(instant.at(at(100)).bootMs).toBe(7900)
})

test('a lost leadership leaves what was left when it was last seen', () => {
  const instant = new KillInstant(200)
  instant.renew(at(0), 3000)
  instant.renew(at(500), 0)
  expect(told(instant, 500)).toBe(2800)
})

test('a grace ends at its own time, but never after the lease', () => {
  const instant = new KillInstant(200)
  instant.renew(at(0), 3000)
  instant.grant(at(100), 1000)
  expect(told(instant, 100)).toBe(1100)
  instant.renew(at(200), 500)
  expect(told(instant, 200)).toBe(500)
})

test('renewals during a grace do not lengthen it, and a second grace only shortens it', () => {
  const instant = new KillInstant(200)
  instant.renew(at(0), 3000)
  instant.grant(at(0), 1000)
  instant.renew(at(900), 3000)
  instant.grant(at(900), 1000)
  expect(told(instant, 900)).toBe(1000)
  instant.grant(at(900), 0)
  expect(told(instant, 900)).toBe(900)
})

test('without a renewal seen the command may not run at all', () => {
  const instant = new KillInstant(200)
  instant.renew(at(0), 0)
  expect(told(instant, 7)).toBe(7)
})
