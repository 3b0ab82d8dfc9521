import { expect, it } from 'vitest'
import { follow, newFollower } from './following.ts'
import type { ReadOutcome } from './machine-types.ts'
import type { LeaseRecord } from './record.ts'

const settings = { leaseMs: 500, pollMs: 100, maxClockDrift: 0.01, tickMs: 1 }

const led: LeaseRecord = {
  holder: 'a',
  incarnation: 'a1',
  leaseMs: 1_000,
  transitions: 1,
  exclusivity: 'time',
  metadata: { v: '1' },
}
const free: LeaseRecord = { ...led, holder: '', incarnation: '', metadata: {} }
const a1 = { is: 'led', id: 'a', token: 1n, metadata: { v: '1' } }

function follower() {
  let state = newFollower<number>(settings)
  const feed = (nowMs: number, outcome: ReadOutcome<number>) => {
    const step = follow(state, outcome, settings, nowMs)
    state = step.state
    return step
  }
  return {
    fails: (nowMs: number) => feed(nowMs, { is: 'failed', error: 'down' }),
    reads: (nowMs: number, record: LeaseRecord | null, version: number, token: bigint) =>
      feed(nowMs, { is: 'read', record, version, token }),
  }
}

it('tells the present state, and every change once', () => {
  const f = follower()
  expect(f.reads(0, null, 0, 0n).tell).toEqual({ is: 'vacant' })
  expect(f.reads(1, null, 0, 0n).tell).toBeNull()
  expect(f.reads(2, led, 1, 1n).tell).toEqual(a1)
  // A renewal is no news; other metadata are.
  expect(f.reads(3, led, 2, 1n).tell).toBeNull()
  expect(f.reads(4, { ...led, metadata: { v: '2' } }, 3, 1n).tell).toEqual({ ...a1, metadata: { v: '2' } })
  expect(f.reads(5, free, 4, 1n).tell).toEqual({ is: 'vacant' })
  expect(f.reads(6, { ...led, holder: 'b' }, 5, 5n).tell).toEqual({ ...a1, id: 'b', token: 5n })
})

it('never tells of a token below the highest it told, nor of a vacancy before it', () => {
  const f = follower()
  f.reads(0, led, 5, 5n)
  expect(f.reads(1, { ...led, holder: 'old' }, 2, 2n).tell).toBeNull()
  expect(f.reads(2, free, 3, 2n).tell).toBeNull()
  expect(f.reads(3, led, 5, 5n).tell).toBeNull()
})

it('takes silence of the lease in the record for vacancy, and the same leader back if it renews late', () => {
  const f = follower()
  f.reads(0, led, 1, 1n)
  expect(f.reads(1_010, led, 1, 1n).tell).toBeNull()
  expect(f.reads(1_011, led, 1, 1n).tell).toEqual({ is: 'vacant' })
  expect(f.reads(1_020, led, 2, 1n).tell).toEqual(a1)
})

it('waits out the lease of a leader whose record vanished: an older state looks the same', () => {
  const f = follower()
  f.reads(0, led, 1, 1n)
  expect(f.reads(100, null, 0, 0n).tell).toBeNull()
  expect(f.reads(1_110, null, 0, 0n).tell).toBeNull()
  expect(f.reads(1_111, null, 0, 0n).tell).toEqual({ is: 'vacant' })
})

it('says unknown once, and repeats the state when contact is back', () => {
  const f = follower()
  f.reads(0, led, 1, 1n)
  expect(f.fails(1).tell).toEqual({ is: 'unknown', cause: 'down' })
  expect(f.fails(2).tell).toBeNull()
  expect(f.reads(3, led, 1, 1n).tell).toEqual(a1)
})

it('reads again when a lease may have run out, else at its poll interval', () => {
  const f = follower()
  expect(f.reads(0, led, 1, 1n).againMs).toEqual([80, 120])
  expect(f.reads(1_000, led, 1, 1n).againMs).toEqual([11, 11])
})
