import { describe, expect, it } from 'vitest'
import { isMandateError } from '../../errors.ts'
import {
  acknowledged,
  createHolder,
  isEndangered,
  refused,
  reopened,
  sent,
  supportedSince,
  voidSupport,
  type Holder,
} from './holder.ts'
import { createWithdrawals, forgetWithdrawals, withdrawalResult, withdrew } from './withdrawals.ts'

/** Instants are words here: the holder must not compare them. */
function holderOf(voters: string[], outgoing?: string[]): Holder<string> {
  const configuration = outgoing === undefined ? { voters } : { voters, outgoing }
  return createHolder<string>({ configuration, epoch: 1 })
}

function send(holder: Holder<string>, ...instants: string[]): void {
  for (const instant of instants) sent(holder, holder.lastSequence + 1, instant)
}

function ack(
  holder: Holder<string>,
  voter: string,
  sequence: number,
  options: { epoch?: number; life?: number } = {},
): boolean {
  const { epoch = holder.epoch, life = 1 } = options
  return acknowledged(holder, { voter, voterIncarnation: life, epoch, sequence })
}

describe('supportedSince (A3)', () => {
  it('is the instant before the newest keepalive that a majority acknowledged', () => {
    const holder = holderOf(['a', 'b', 'c'])
    send(holder, 'one', 'two', 'three')
    expect(supportedSince(holder)).toBeNull()
    expect(ack(holder, 'a', 3)).toBe(false)
    expect(ack(holder, 'b', 1)).toBe(true)
    expect(supportedSince(holder)).toBe('one')
    expect(ack(holder, 'c', 2)).toBe(true)
    expect(supportedSince(holder)).toBe('two')
    expect(ack(holder, 'b', 3)).toBe(true)
    expect(supportedSince(holder)).toBe('three')
  })

  it('needs a majority of each set of voters during a joint change', () => {
    const holder = holderOf(['a', 'b', 'c'], ['c', 'd', 'e'])
    send(holder, 'one', 'two')
    for (const voter of ['a', 'b', 'c']) ack(holder, voter, 2)
    expect(supportedSince(holder)).toBeNull()
    ack(holder, 'd', 1)
    expect(supportedSince(holder)).toBe('one')
  })

  it('never goes back: late, repeated and foreign acknowledgements change nothing', () => {
    const holder = holderOf(['a', 'b', 'c'])
    send(holder, 'one', 'two')
    ack(holder, 'a', 2)
    ack(holder, 'b', 2)
    for (const [voter, sequence] of [
      ['a', 1],
      ['a', 2],
      ['c', 1],
      ['x', 2],
    ] as const) {
      expect(ack(holder, voter, sequence)).toBe(false)
    }
    expect(supportedSince(holder)).toBe('two')
  })

  it('counts a voter once, however often it acknowledges', () => {
    const holder = holderOf(['a', 'b', 'c'])
    send(holder, 'one', 'two')
    ack(holder, 'a', 1)
    ack(holder, 'a', 2)
    expect(supportedSince(holder)).toBeNull()
  })

  it('ignores an acknowledgement of what was never sent', () => {
    const holder = holderOf(['a'])
    send(holder, 'one')
    expect(ack(holder, 'a', 2)).toBe(false)
    expect(ack(holder, 'a', 1)).toBe(true)
  })

  it('ignores an earlier life of a voter once it knows a later one', () => {
    const holder = holderOf(['a', 'b', 'c'])
    send(holder, 'one', 'two')
    ack(holder, 'a', 1, { life: 2 })
    ack(holder, 'b', 2)
    expect(ack(holder, 'a', 2, { life: 1 })).toBe(false)
    expect(supportedSince(holder)).toBe('one')
    expect(ack(holder, 'a', 2, { life: 3 })).toBe(true)
  })

  it('keeps a bounded number of instants while nobody answers, and goes on with the newest', () => {
    const holder = holderOf(['a', 'b', 'c'])
    for (let count = 1; count <= 5_000; count += 1) send(holder, `sent ${count}`)
    expect(holder.sent.size).toBe(1_024)
    ack(holder, 'a', 5_000)
    expect(ack(holder, 'b', 17)).toBe(false)
    expect(supportedSince(holder)).toBeNull()
    ack(holder, 'b', 4_999)
    expect(supportedSince(holder)).toBe('sent 4999')
    expect(holder.sent.size).toBe(1)
  })

  it.each([0, 1, 1.5, Number.NaN])('refuses number %d behind 1', (sequence) => {
    const holder = holderOf(['a'])
    send(holder, 'one')
    expect(() => sent(holder, sequence, 'again')).toThrow(
      expect.toSatisfy((e) => isMandateError(e, 'INTERNAL')),
    )
  })

  it('is nothing, whatever arrives, once it is void', () => {
    const holder = holderOf(['a'])
    send(holder, 'one', 'two')
    ack(holder, 'a', 1)
    voidSupport(holder)
    expect(ack(holder, 'a', 2)).toBe(false)
    expect(supportedSince(holder)).toBeNull()
  })
})

describe('a new epoch (A5)', () => {
  it('keeps the deadline of the old one until the new one reaches further', () => {
    const holder = holderOf(['a', 'b', 'c'])
    send(holder, 'one', 'two', 'three')
    ack(holder, 'a', 2)
    ack(holder, 'b', 2)
    reopened(holder, 2)
    expect(supportedSince(holder)).toBe('two')
    ack(holder, 'a', 3)
    expect(ack(holder, 'c', 3, { epoch: 1 })).toBe(false)
    expect(supportedSince(holder)).toBe('two')
    ack(holder, 'c', 3)
    expect(supportedSince(holder)).toBe('three')
  })

  it('is due when a voter withdrew, and no longer once the log has moved the session', () => {
    const holder = holderOf(['a', 'b', 'c'])
    expect(isEndangered(holder)).toBe(false)
    refused(holder, { voter: 'b', epoch: 1, reason: 'withdrawn' })
    expect(isEndangered(holder)).toBe(true)
    reopened(holder, 2)
    expect(isEndangered(holder)).toBe(false)
    refused(holder, { voter: 'b', epoch: 1, reason: 'withdrawn' })
    expect(isEndangered(holder)).toBe(false)
    reopened(holder, 1)
    expect(holder.epoch).toBe(2)
  })

  it('is due even when a majority withdrew: only so can a session be supported whose expiry was lost', () => {
    const holder = holderOf(['a', 'b', 'c'])
    for (const voter of ['a', 'b']) refused(holder, { voter, epoch: 1, reason: 'withdrawn' })
    expect(isEndangered(holder)).toBe(true)
  })

  it.each(['superseded', 'closed', 'reopened'] as const)('is not due for a session that is %s', (reason) => {
    const holder = holderOf(['a', 'b', 'c'])
    refused(holder, { voter: 'a', epoch: 1, reason: 'withdrawn' })
    refused(holder, { voter: 'b', epoch: 1, reason })
    expect(isEndangered(holder)).toBe(false)
  })

  it('is not due because of a stranger', () => {
    const holder = holderOf(['a', 'b', 'c'])
    refused(holder, { voter: 'x', epoch: 1, reason: 'withdrawn' })
    expect(isEndangered(holder)).toBe(false)
  })
})

describe('withdrawals', () => {
  const configuration = { voters: ['a', 'b', 'c'] }

  it('need a majority of voters for one epoch of one session; repetitions and strangers count nothing', () => {
    const withdrawals = createWithdrawals()
    for (const voter of ['a', 'a', 'x', 'y']) withdrew(withdrawals, { session: 's', epoch: 1, voter })
    withdrew(withdrawals, { session: 't', epoch: 1, voter: 'b' })
    expect(withdrawalResult(withdrawals, configuration, 's', 1)).toBe('pending')
    withdrew(withdrawals, { session: 's', epoch: 1, voter: 'b' })
    expect(withdrawalResult(withdrawals, configuration, 's', 1)).toBe('won')
    expect(withdrawalResult(withdrawals, configuration, 's', 2)).toBe('pending')
  })

  it('of an older epoch are dropped by those of a newer, and count nothing when they come late', () => {
    const withdrawals = createWithdrawals()
    for (const voter of ['a', 'b']) withdrew(withdrawals, { session: 's', epoch: 1, voter })
    withdrew(withdrawals, { session: 's', epoch: 2, voter: 'a' })
    withdrew(withdrawals, { session: 's', epoch: 1, voter: 'c' })
    expect(withdrawalResult(withdrawals, configuration, 's', 1)).toBe('pending')
    expect(withdrawalResult(withdrawals, configuration, 's', 2)).toBe('pending')
    expect(withdrawals.sessions.size).toBe(1)
  })

  it('are forgotten with the session', () => {
    const withdrawals = createWithdrawals()
    for (const voter of ['a', 'b']) withdrew(withdrawals, { session: 's', epoch: 1, voter })
    forgetWithdrawals(withdrawals, 's')
    expect(withdrawalResult(withdrawals, configuration, 's', 1)).toBe('pending')
  })
})
