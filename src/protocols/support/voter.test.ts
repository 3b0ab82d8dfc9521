import { beforeEach, describe, expect, it } from 'vitest'
import { createVoter, lastHeardMs, silenceMs, stepVoter, type Voter, type VoterOptions } from './voter.ts'
import type { VoterEffect, VoterInput, Withdrawal } from './types.ts'

/** The voter waits 1000 x 1.1 + 10 = 1110 ms. */
const bounds = { maxClockDrift: 0.1, tickMs: 10 }
const waitMs = 1_110

let voter: Voter

function start(options: Partial<VoterOptions> = {}): void {
  voter = createVoter({ self: 'v', incarnation: 7, bounds, startedAt: 0, withdrawals: [], ...options })
}

beforeEach(() => start())

const step = (input: VoterInput, now: number): VoterEffect[] => stepVoter(voter, input, now)
const open = (session: string, epoch: number, now: number): VoterEffect[] =>
  step({ type: 'opened', session, epoch, leaseMs: 1_000 }, now)
const keepalive = (session: string, epoch: number, now: number, sequence = 1): VoterEffect[] =>
  step(
    { type: 'keepalive', from: 'sponsor', keepalive: { type: 'keepalive', session, epoch, sequence } },
    now,
  )
const ask = (session: string, epoch: number, now: number, from = 'arbiter'): VoterEffect[] =>
  step({ type: 'withdraw-request', from, request: { type: 'withdraw-request', session, epoch } }, now)
const wake = (now: number): VoterEffect[] => step({ type: 'wake' }, now)

const ack = (session: string, epoch: number, sequence = 1): VoterEffect => ({
  type: 'send',
  to: 'sponsor',
  message: { type: 'keepalive-ack', session, epoch, sequence, voter: 'v', voterIncarnation: 7 },
})
const refusal = (session: string, epoch: number, reason: string, after?: number): unknown => ({
  type: 'send',
  to: 'sponsor',
  message: { type: 'keepalive-refusal', session, epoch, voter: 'v', reason },
  ...(after === undefined ? {} : { after }),
})
const answer = (session: string, epoch: number, after?: number, to = 'arbiter'): unknown => ({
  type: 'send',
  to,
  message: { type: 'withdraw-answer', session, epoch, voter: 'v' },
  ...(after === undefined ? {} : { after }),
})
const persist = (sequence: number, withdrawal: Withdrawal): VoterEffect => ({
  type: 'persist',
  sequence,
  withdrawal,
})
const wakeAt = (at: number | null): VoterEffect => ({ type: 'wake-at', at })

describe('acknowledging (A2)', () => {
  it('acknowledges an open session to whoever relayed, and notes when it heard it', () => {
    open('s', 1, 5)
    expect(lastHeardMs(voter, 's')).toBeNull()
    expect(keepalive('s', 1, 40, 3)).toEqual([ack('s', 1, 3)])
    expect(lastHeardMs(voter, 's')).toBe(40)
    expect(silenceMs(voter, 's', 100)).toBe(60)
  })

  it('acknowledges repetitions again: the answer may have been lost', () => {
    open('s', 1, 0)
    expect(keepalive('s', 1, 1)).toEqual(keepalive('s', 1, 2))
  })

  it('acknowledges a session that is still to be opened here, without keeping anything of it', () => {
    open('t', 4, 0)
    expect(keepalive('s', 5, 10)).toEqual([ack('s', 5)])
    expect(voter.sessions.size).toBe(1)
    expect(lastHeardMs(voter, 's')).toBeNull()
  })

  it('acknowledges the next epoch of an open session before the reopen is applied here', () => {
    open('s', 1, 0)
    expect(keepalive('s', 2, 10)).toEqual([ack('s', 2)])
    expect(lastHeardMs(voter, 's')).toBe(10)
  })

  it('refuses an epoch that was left, and still takes it for a sign of life', () => {
    open('s', 1, 0)
    open('s', 2, 10)
    expect(keepalive('s', 1, 30)).toEqual([refusal('s', 1, 'reopened')])
    expect(silenceMs(voter, 's', 30)).toBe(0)
  })

  it('refuses a superseded session and does not count it as heard, so that it runs out', () => {
    open('s', 1, 0)
    step({ type: 'superseded', session: 's' }, 1)
    ask('s', 1, 2)
    expect(keepalive('s', 1, 900)).toEqual([refusal('s', 1, 'superseded')])
    expect(wake(waitMs)).toEqual([persist(1, { session: 's', epoch: 1 }), answer('s', 1, 1)])
  })

  it('refuses a closed session for ever and forgets it: its epoch is below one that was opened here', () => {
    open('s', 1, 0)
    step({ type: 'closed', session: 's' }, 1)
    expect(voter.sessions.size + voter.withdrawn.size + voter.parked.size).toBe(0)
    for (let epoch = 2; epoch < 2_000; epoch += 1) {
      open(`t${epoch}`, epoch, epoch)
      step({ type: 'closed', session: `t${epoch}` }, epoch)
    }
    expect(keepalive('s', 1, 5_000)).toEqual([refusal('s', 1, 'closed')])
  })

  it('refuses a closed session that was reopened, though its last epoch is above the index of its open', () => {
    open('s', 1, 0)
    open('s', 2, 1)
    step({ type: 'closed', session: 's' }, 2)
    expect(keepalive('s', 2, 3)).toEqual([refusal('s', 2, 'closed')])
  })

  it('starts from a snapshot with what it covers refused', () => {
    start({ openedThrough: 50 })
    expect(keepalive('s', 50, 1)).toEqual([refusal('s', 50, 'closed')])
    expect(keepalive('s', 51, 1)).toEqual([ack('s', 51)])
  })
})

describe('withdrawing (A4)', () => {
  it('parks the request until the silence has lasted lease (1 + rho) + tick, then persists before it answers', () => {
    open('s', 1, 0)
    keepalive('s', 1, 100)
    expect(ask('s', 1, 200)).toEqual([wakeAt(100 + waitMs)])
    expect(wake(100 + waitMs - 1)).toEqual([wakeAt(100 + waitMs - 1 + bounds.tickMs)])
    expect(wake(100 + waitMs)).toEqual([persist(1, { session: 's', epoch: 1 }), answer('s', 1, 1)])
  })

  it('never agrees on the spot, however long the silence: what waits in the sockets is to be read first', () => {
    open('s', 1, 0)
    expect(ask('s', 1, 9_000)).toEqual([wakeAt(waitMs)])
    expect(keepalive('s', 1, 9_000)).toEqual([ack('s', 1), wakeAt(null)])
    expect(wake(9_000)).toEqual([])
  })

  it('drops the parked request when it hears the session; the arbiter asks again', () => {
    open('s', 1, 0)
    ask('s', 1, 1_000)
    keepalive('s', 1, 1_100)
    expect(wake(1_100 + waitMs)).toEqual([])
    expect(ask('s', 1, 1_200)).toEqual([wakeAt(1_100 + waitMs)])
  })

  it('counts from the application of the entry when nothing was heard since', () => {
    ask('s', 1, 0)
    keepalive('s', 1, 10)
    expect(open('s', 1, 500)).toEqual([wakeAt(500 + waitMs)])
  })

  it('counts from its own start: what it heard before is forgotten', () => {
    start({ startedAt: 3_000 })
    open('s', 1, 3_000)
    expect(ask('s', 1, 3_000)).toEqual([wakeAt(3_000 + waitMs)])
  })

  it('counts what it heard in an older epoch, and from the reopen at least', () => {
    open('s', 1, 0)
    open('s', 2, 100)
    expect(ask('s', 2, 101)).toEqual([wakeAt(100 + waitMs)])
    keepalive('s', 1, 300)
    expect(ask('s', 2, 301)).toEqual([wakeAt(300 + waitMs)])
  })

  it('refuses the epoch from the moment it decided, and says so only once that is durable', () => {
    open('s', 1, 0)
    ask('s', 1, 0)
    wake(waitMs)
    expect(keepalive('s', 1, waitMs)).toEqual([refusal('s', 1, 'withdrawn', 1)])
  })

  it('answers a repeated request again, behind the same record, and writes it once', () => {
    open('s', 1, 0)
    ask('s', 1, 0)
    wake(waitMs)
    expect(ask('s', 1, waitMs, 'next-arbiter')).toEqual([answer('s', 1, 1, 'next-arbiter')])
  })

  it('answers all who asked with one record', () => {
    open('s', 1, 0)
    ask('s', 1, 0, 'x')
    ask('s', 1, 0, 'y')
    ask('s', 1, 1, 'x')
    expect(wake(waitMs)).toEqual([
      persist(1, { session: 's', epoch: 1 }),
      answer('s', 1, 1, 'x'),
      answer('s', 1, 1, 'y'),
    ])
  })

  it('numbers its records upwards and wakes for the next session', () => {
    open('s', 1, 0)
    open('t', 2, 500)
    expect(ask('t', 2, 600)).toEqual([wakeAt(500 + waitMs)])
    expect(ask('s', 1, 600)).toEqual([wakeAt(waitMs)])
    expect(wake(waitMs)).toEqual([
      persist(1, { session: 's', epoch: 1 }),
      answer('s', 1, 1),
      wakeAt(500 + waitMs),
    ])
    expect(wake(500 + waitMs)[0]).toEqual(persist(2, { session: 't', epoch: 2 }))
  })

  it('looks at all that is parked at most once a tick', () => {
    for (const [place, session] of ['s', 't'].entries()) open(session, place + 1, place)
    ask('s', 1, 10)
    ask('t', 2, 10)
    // t is due one millisecond later, and is looked at a tick later.
    expect(wake(waitMs).at(-1)).toEqual(wakeAt(waitMs + bounds.tickMs))
  })

  it.each([
    ['an epoch that was left', 1],
    ['a session that ended', 2],
  ])('ignores a request for %s', (_what, epoch) => {
    open('s', 1, 0)
    open('s', 2, 0)
    if (epoch === 2) step({ type: 'closed', session: 's' }, 1)
    expect(ask('s', epoch, 9_000)).toEqual([])
    expect(wake(9_999)).toEqual([])
  })

  it('keeps a request for an epoch that is not opened here until it is', () => {
    open('s', 1, 0)
    expect(ask('s', 2, 2_000)).toEqual([])
    expect(wake(3_000)).toEqual([])
    expect(open('s', 2, 4_000)).toEqual([wakeAt(4_000 + waitMs)])
    expect(wake(4_000 + waitMs)).toContainEqual(answer('s', 2, 1))
  })

  it('drops the request for an epoch that is left while it is parked', () => {
    open('s', 1, 0)
    ask('s', 1, 0)
    expect(open('s', 2, 10)).toEqual([wakeAt(null)])
    expect(wake(9_000)).toEqual([])
  })

  it('bounds what it parks for sessions it does not know', () => {
    for (let session = 0; session < 30_000; session += 1) ask(`unknown-${session}`, 1, 0)
    expect(voter.parked.size).toBe(20_000)
  })
})

describe('after a restart', () => {
  it('refuses what it withdrew, before and after the log is replayed, and answers for it at once', () => {
    start({
      startedAt: 50,
      withdrawals: [
        { session: 's', epoch: 2 },
        { session: 's', epoch: 1 },
      ],
    })
    expect(keepalive('s', 2, 60)).toEqual([refusal('s', 2, 'withdrawn')])
    open('s', 1, 70)
    open('s', 2, 70)
    expect(keepalive('s', 2, 80)).toEqual([refusal('s', 2, 'withdrawn')])
    expect(ask('s', 2, 80)).toEqual([answer('s', 2)])
    expect(keepalive('s', 3, 90)).toEqual([ack('s', 3)])
  })

  it('forgets a recovered withdrawal once the log says that the session ended', () => {
    start({ withdrawals: [{ session: 's', epoch: 1 }] })
    open('s', 1, 0)
    step({ type: 'closed', session: 's' }, 0)
    expect(voter.withdrawn.size).toBe(0)
    expect(keepalive('s', 1, 1)).toEqual([refusal('s', 1, 'closed')])
  })

  it('keeps a recovered withdrawal of a later life of the key when the log says that an earlier one ended', () => {
    start({
      withdrawals: [
        { session: 's', epoch: 3 },
        { session: 's', epoch: 9 },
      ],
    })
    open('s', 3, 1)
    step({ type: 'closed', session: 's' }, 2)
    // A delayed duplicate of the request opened the key again.
    open('s', 9, 3)
    expect(keepalive('s', 9, 4)).toEqual([refusal('s', 9, 'withdrawn')])
    step({ type: 'closed', session: 's' }, 5)
    expect(voter.withdrawn.size).toBe(0)
  })

  it('may withdraw the next epoch of a session whose last one it withdrew', () => {
    start({ withdrawals: [{ session: 's', epoch: 1 }] })
    open('s', 1, 0)
    open('s', 2, 0)
    ask('s', 2, 0)
    expect(wake(waitMs)).toContainEqual(answer('s', 2, 1))
  })
})
