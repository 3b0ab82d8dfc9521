import { describe, expect, it } from 'vitest'
import { createElection } from './election.ts'
import { memory } from '../backends/memory.ts'
import { ElectionStage, ScriptedArbiter, settle } from '../testing/election-stage.ts'

describe('an election', () => {
  it('opens nothing before its first use, and one session for all that stand on one backend', async () => {
    const arbiter = new ScriptedArbiter()
    const elections = ['a', 'b', 'c'].map((name) => createElection({ name, backend: arbiter.backend }))
    expect(arbiter.sessions).toEqual([])
    const campaigns = elections.map((election) => election.campaign())
    await arbiter.clock.advanceAsync(0)
    for (const candidacy of arbiter.candidacies) candidacy.win(1n)
    await Promise.all(campaigns)
    expect(arbiter.sessions).toEqual(['open'])
    expect(arbiter.clock.pendingTimers()).toBe(1)
    for (const election of elections.slice(0, 2)) await election.close()
    expect(arbiter.sessions).toEqual(['open'])
    await elections[2]?.close()
    expect(arbiter.sessions).toEqual(['open', 'close'])
    expect(arbiter.clock.pendingTimers()).toBe(0)
  })

  it('works on the real clock', async () => {
    const election = createElection({ name: 'billing', backend: memory() })
    expect(await election.lead(({ token }) => token)).toBe(1n)
    expect(await election.current()).toEqual({ type: 'vacant' })
    await election.close()
  })

  it('gives a leader that comes back a new token: nothing is inherited (n8n#27126, S13)', async () => {
    const stage = new ElectionStage()
    const first = stage.process('a')
    const before = await stage.run(createElection({ name: 'billing', backend: first }).campaign())
    stage.space.kill(first)
    const after = await stage.run(stage.election('a').campaign())
    expect(after.token).toBeGreaterThan(before.token)
    expect(before.isValid()).toBe(false)
  })

  it('refuses a second process of its id while the first is connected (S13)', async () => {
    const stage = new ElectionStage()
    const first = await stage.run(stage.election('a').campaign())
    await stage.pass(5000)
    const second = stage.run(stage.election('a').campaign())
    await expect(second).rejects.toMatchObject({ code: 'DUPLICATE_ID', details: { id: 'a', sinceMs: 5000 } })
    expect(first.isValid()).toBe(true)
  })

  it('refuses another exclusivity than the election has, naming both', async () => {
    const stage = new ElectionStage()
    await stage.run(stage.election('a').campaign())
    const other = stage.run(stage.election('b', { exclusivity: 'token' }).campaign())
    await expect(other).rejects.toThrow(/has exclusivity 'time', this candidate asked for 'token'/)
  })

  it('in token mode has a successor as soon as there is evidence of death', async () => {
    const stage = new ElectionStage()
    const backend = stage.process('a', 60_000)
    const old = createElection({ name: 'billing', backend, exclusivity: 'token' })
    const first = await stage.run(old.campaign())
    const next = stage.election('b', { exclusivity: 'token' }).campaign()
    await stage.pass(100)
    stage.space.cut(backend)
    stage.space.evidence('a')
    const second = await stage.run(next, 10)
    expect(second.token).toBeGreaterThan(first.token)
    expect(first.isValid()).toBe(true)
    stage.space.heal(backend)
    await stage.pass(10)
    expect(await first.lost).toBe('superseded')
  })

  it('tells each forced loss by its own name', async () => {
    const stage = new ElectionStage()
    const election = stage.election('a')
    const revoked = await stage.run(election.campaign())
    stage.space.revoke('billing')
    expect(await stage.run(revoked.lost)).toBe('revoked')
    const dropped = await stage.run(election.campaign())
    stage.space.loseSession('a')
    expect(await stage.run(dropped.lost)).toBe('session-lost')
    const again = await stage.run(election.campaign())
    expect(again.token > dropped.token && dropped.token > revoked.token).toBe(true)
  })
})

describe('close()', () => {
  it('resigns, is idempotent, and refuses every later call', async () => {
    const stage = new ElectionStage()
    const [a, b] = [stage.election('a'), stage.election('b')]
    const leadership = await stage.run(a.campaign())
    const next = b.campaign()
    await stage.pass(100)
    await stage.run(Promise.all([a.close(), a.close(), a[Symbol.asyncDispose]()]), 100)
    expect(await leadership.lost).toBe('resigned')
    expect((await stage.run(next, 100)).isValid()).toBe(true)
    await expect(a.campaign()).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(a.lead(() => 1)).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(a.current()).rejects.toMatchObject({ code: 'CLOSED' })
    await a.close()
  })

  it('rejects a campaign that waits with CLOSED', async () => {
    const stage = new ElectionStage()
    const [a, b] = [stage.election('a'), stage.election('b')]
    await stage.run(a.campaign())
    const waiting = b.campaign()
    const closed = expect(waiting).rejects.toMatchObject({ code: 'CLOSED' })
    await stage.pass(100)
    await stage.run(b.close())
    await closed
  })

  it('resolves after everything that it ends has settled', async () => {
    const arbiter = new ScriptedArbiter()
    const settled: string[] = []
    const elections = ['leads', 'waits', 'opens'].map((name) =>
      createElection({ name, backend: arbiter.backend }),
    )
    const [leads, waits, opens] = elections
    void leads
      ?.lead(
        ({ signal }) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
      )
      .then(() => settled.push('leads'))
    await arbiter.clock.advanceAsync(0)
    arbiter.candidacy.win(1n)
    void waits?.campaign().catch(() => settled.push('waits'))
    await arbiter.clock.advanceAsync(0)
    void opens?.campaign().catch(() => settled.push('opens'))
    for (const election of elections) await election.close().then(() => settled.push('closed'))
    expect(settled).toEqual(['leads', 'closed', 'waits', 'closed', 'opens', 'closed'])
  })

  it('settles while nothing reaches the arbiter, and leaves no timer', async () => {
    const stage = new ElectionStage()
    const backend = stage.process('a')
    const election = createElection({ name: 'billing', backend })
    await stage.run(election.campaign())
    const states = election.observe()[Symbol.asyncIterator]()
    await stage.run(states.next())
    stage.space.cut(backend)
    await stage.run(election.close())
    expect(stage.pendingTimers()).toBe(0)
    expect(stage.reports.map((report) => report.during)).toEqual([`release of election 'billing'`])
  })

  it('of an election that was never used does nothing', async () => {
    const arbiter = new ScriptedArbiter()
    const election = createElection({ name: 'billing', backend: arbiter.backend })
    await election.close()
    expect(arbiter.sessions).toEqual([])
  })

  it('from inside the work settles after the drain bound, like all that waits for itself', async () => {
    const arbiter = new ScriptedArbiter()
    const election = createElection({ name: 'billing', backend: arbiter.backend })
    const result = election.lead(() => election.close(), { drainMs: 100 })
    await arbiter.clock.advanceAsync(0)
    arbiter.candidacy.win(1n)
    expect(await settle(arbiter.clock, result, 200)).toBeUndefined()
  })
})

describe('the close() of a backend', () => {
  it('lets the work of its elections drain under their lease first', async () => {
    const stage = new ElectionStage()
    const backend = stage.process('a')
    const seen: string[] = []
    const lead = createElection({ name: 'billing', backend }).lead(
      async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        await new Promise<void>((resolve) => stage.clock.setTimer(2500, resolve))
        seen.push(`a is done at ${stage.clock.trueMs()}`)
      },
      { drainMs: 5000 },
    )
    await stage.pass(100)
    const next = stage.election('b').lead(() => void seen.push(`b works at ${stage.clock.trueMs()}`))
    await stage.pass(100)
    await stage.run(backend.close())
    await stage.run(Promise.all([lead, next]))
    expect(seen).toEqual(['a is done at 2700', 'b works at 2700'])
    await expect(backend.start()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
