import { describe, expect, it } from 'vitest'
import type { CandidacyEvents, Exclusivity } from './backend.ts'
import { memory, memorySpace } from './memory.ts'
import { ElectionStage } from '../testing/election-stage.ts'
import { manualClock } from '../testing/manual-clock.ts'

/** Processes on one space, each with a session and a candidacy in one election; what each is told, in one list. */
async function contest(exclusivity: Exclusivity, ids: readonly string[], leaseMs = 1000) {
  const stage = new ElectionStage()
  const told: string[] = []
  const members = new Map<string, Awaited<ReturnType<typeof join>>>()
  async function join(id: string) {
    const backend = stage.process(id, leaseMs)
    const { session } = await stage.run(backend.share({ candidateId: id }, {}))
    const on: CandidacyEvents = {
      waiting: (ahead) => void told.push(`${id} waits behind ${ahead}`),
      won: ({ token }) => void told.push(`${id} won ${token}`),
      renewed: () => undefined,
      ended: ({ reason }) => void told.push(`${id} ${reason}`),
    }
    const candidacy = session.enter({ election: 'x', exclusivity, priority: 0, metadata: {} }, on)
    await stage.pass(1)
    return { backend, session, candidacy }
  }
  for (const id of ids) members.set(id, await join(id))
  const member = (id: string) => {
    const found = members.get(id)
    if (found === undefined) throw new Error(`no member ${id}`)
    return found
  }
  told.length = 0
  return { stage, told, member }
}

describe('the memory backend', () => {
  it('wins, renews, leaves and ends without leaving a timer', async () => {
    const clock = manualClock()
    const space = memorySpace({ clock })
    const backend = memory({ space })
    const opening = backend.share({ candidateId: 'a' }, {})
    await clock.advanceAsync(0)
    const { session } = await opening
    const told: string[] = []
    const candidacy = session.enter(
      { election: 'x', exclusivity: 'time', priority: 0, metadata: {} },
      {
        waiting: () => told.push('waiting'),
        won: ({ token }) => told.push(`won ${token}`),
        renewed: () => told.push('renewed'),
        ended: ({ reason }) => told.push(reason),
      },
    )
    await clock.advanceAsync(1000)
    expect(told).toEqual(['won 1', 'renewed', 'renewed', 'renewed', 'renewed'])
    const leaving = candidacy.leave({})
    await clock.advanceAsync(0)
    expect(await leaving).toBe('left')
    const closing = backend.close()
    await clock.advanceAsync(0)
    await closing
    expect(clock.pendingTimers()).toBe(0)
  })

  it('refuses a lease outside its limits before it does anything', () => {
    expect(() => memory({ timing: { leaseMs: 5 } })).toThrow(/leaseMs is 5/)
    expect(() => memory({ timing: { leaseMs: 20, tickMs: 30 } })).toThrow(/leave -10\.02 ms: raise it/)
  })

  it('takes only backends of the space for its faults', () => {
    expect(() => memorySpace().cut(memory())).toThrow(/not made by memory/)
  })
})

describe('faults of a memory space', () => {
  it('kill: in time mode the successor waits out the lease by the slowest clock', async () => {
    const { stage, told, member } = await contest('time', ['a', 'b'])
    stage.space.kill(member('a').backend)
    // Lease (1 + rho) + tick, from the last keepalive, at most a third of the lease ago.
    await stage.pass(1002 - 334)
    expect(told).toEqual([])
    await stage.pass(340)
    expect(told).toEqual(['b won 2'])
  })

  it('kill: in token mode the successor follows at once', async () => {
    const { stage, told, member } = await contest('token', ['a', 'b'], 60_000)
    stage.space.kill(member('a').backend)
    await stage.pass(1)
    expect(told).toEqual(['b won 2'])
  })

  it('kill: nothing of the dead process is called again, and its waits settle', async () => {
    const { stage, told, member } = await contest('time', ['a', 'b'])
    const { backend, candidacy } = member('b')
    const transfer = member('a').candidacy.transfer('nobody', {})
    stage.space.kill(member('a').backend)
    stage.space.kill(backend)
    expect(await stage.run(transfer)).toBe('unknown')
    expect(await stage.run(candidacy.leave({}))).toBe('unknown')
    await stage.run(backend.close())
    await stage.pass(5000)
    expect(told).toEqual([])
    expect(stage.clockOf(backend).pendingTimers()).toBe(0)
  })

  it('revoke: in time mode the successor follows only after the holder has confirmed that it stopped', async () => {
    const { stage, told, member } = await contest('time', ['a', 'b'])
    stage.space.delayReplies(member('a').backend, 200)
    stage.space.revoke('x')
    await stage.pass(199)
    expect(told).toEqual([])
    await stage.pass(10)
    expect(told).toEqual(['a revoked', 'b won 2'])
  })

  it('revoke: a holder that cannot be told is waited for until its lease has surely run out', async () => {
    const { stage, told, member } = await contest('time', ['a', 'b'])
    stage.space.cut(member('a').backend)
    stage.space.revoke('x')
    await stage.pass(660)
    expect(told).toEqual([])
    await stage.pass(350)
    expect(told).toEqual(['b won 2'])
  })

  it('loseSession: ends everything the candidate stands for, in time mode after it was told', async () => {
    const { stage, told, member } = await contest('time', ['a', 'b'])
    stage.space.delayReplies(member('a').backend, 100)
    stage.space.loseSession('a')
    await stage.pass(99)
    expect(told).toEqual([])
    await stage.pass(10)
    expect(told).toEqual(['a session-lost', 'b won 2'])
  })

  it('transfer: in time mode the successor is told after the old leader, however slow its news are', async () => {
    const { stage, told, member } = await contest('time', ['a', 'b', 'c'])
    stage.space.delayReplies(member('a').backend, 150)
    const transfer = member('a').candidacy.transfer('c', {})
    expect(await stage.run(transfer)).toBe('done')
    await stage.pass(10)
    expect(told.filter((line) => !line.includes('waits'))).toEqual(['a transferred', 'c won 2'])
  })

  it('restart: nobody is accused before a whole lease was listened for', async () => {
    const { stage, told, member } = await contest('time', ['a', 'b'])
    stage.space.cut(member('a').backend)
    await stage.pass(600)
    stage.space.restart()
    await stage.pass(1000)
    expect(told).toEqual([])
    await stage.pass(10)
    expect(told).toEqual(['b won 2'])
  })

  it('delayReplies: a grant whose lease had run out on the way is kept to itself until it was renewed', async () => {
    const { stage, told, member } = await contest('time', ['a', 'b'])
    stage.space.delayReplies(member('b').backend, 1100)
    void member('a').candidacy.leave({})
    await stage.pass(5000)
    expect(told).toEqual([])
    stage.space.delayReplies(member('b').backend, 0)
    await stage.pass(2000)
    expect(told).toEqual(['b won 2'])
  })

  it('an arbiter that stalled reads what was waiting for it before it accuses anybody', async () => {
    const { stage, told } = await contest('time', ['a', 'b'])
    await stage.clock.stallAsync(3000)
    await stage.pass(500)
    expect(told).toEqual([])
  })

  it('loseReplies: what was asked takes effect once, and its answer comes with the next exchange', async () => {
    const { stage, told, member } = await contest('time', ['a', 'b'], 30_000)
    stage.space.loseReplies(member('a').backend, 3)
    const left = member('a').candidacy.leave({})
    await stage.pass(10)
    expect(told).toEqual(['b won 2'])
    expect(await stage.run(left, 1000)).toBe('left')
  })

  it('releaseSession: another process can end the session of one that is surely dead', async () => {
    const { stage, told, member } = await contest('time', ['a', 'b'], 60_000)
    const ticket = member('a').session.ticket?.()
    stage.space.kill(member('a').backend)
    await stage.pass(100)
    expect(told).toEqual([])
    const { backend } = member('b')
    if (ticket === undefined || backend.releaseSession === undefined) throw new Error('no ticket')
    expect(await stage.run(backend.releaseSession(ticket, {}))).toBe('released')
    expect(await stage.run(backend.releaseSession(ticket, {}))).toBe('gone')
    await stage.pass(1)
    expect(told).toEqual(['b won 2'])
  })

  it('a clock outside the permitted drift overlaps, as the arithmetic says: the bound is no more than needed', async () => {
    const overlap = async (rate: number): Promise<boolean> => {
      const clock = manualClock()
      const space = memorySpace({ clock })
      const slow = clock.sibling({ rate })
      const a = memory({ space, clock: slow })
      const opening = a.share({ candidateId: 'a' }, {})
      await clock.advanceAsync(1)
      const { session } = await opening
      const sent = slow.upper()
      let lost = false
      const on = {
        waiting: () => undefined,
        won: () => undefined,
        renewed: () => undefined,
        ended: () => (lost = true),
      }
      session.enter({ election: 'x', exclusivity: 'time', priority: 0, metadata: {} }, on)
      await clock.advanceAsync(0)
      space.cut(a)
      const b = memory({ space, clock: clock.sibling() })
      const other = b.share({ candidateId: 'b' }, {})
      await clock.advanceAsync(1)
      let won = false
      ;(await other).session.enter(
        { election: 'x', exclusivity: 'time', priority: 0, metadata: {} },
        {
          waiting: () => undefined,
          won: () => (won = true),
          renewed: () => undefined,
          ended: () => undefined,
        },
      )
      while (!won) await clock.advanceAsync(0.1)
      expect(lost).toBe(false)
      return slow.elapsedMs(sent) < 998
    }
    expect(await overlap(0.999)).toBe(false)
    expect(await overlap(0.99)).toBe(true)
  })
})
