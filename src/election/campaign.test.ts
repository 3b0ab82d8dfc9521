import { describe, expect, it } from 'vitest'
import { createElection } from './election.ts'
import { MandateError, isMandateError } from '../errors.ts'
import { ElectionStage, ScriptedArbiter, settle } from '../testing/election-stage.ts'

function scripted() {
  const arbiter = new ScriptedArbiter()
  const election = createElection({ name: 'billing', backend: arbiter.backend })
  const { clock } = arbiter
  const controller = new AbortController()
  const campaign = async (signal?: AbortSignal) => {
    const leadership = election.campaign({ signal })
    leadership.catch(() => undefined)
    await clock.advanceAsync(0)
    return { leadership }
  }
  return { arbiter, election, clock, controller, campaign }
}

describe('campaign()', () => {
  it('asks for what the options say, and resolves with what was granted', async () => {
    const arbiter = new ScriptedArbiter()
    const election = createElection({
      name: 'billing',
      backend: arbiter.backend,
      exclusivity: 'token',
      candidate: { id: 'worker-1', priority: 5, metadata: { address: '10.0.0.1' } },
    })
    const campaign = election.campaign()
    await arbiter.clock.advanceAsync(0)
    expect(arbiter.candidacy.request).toEqual({
      election: 'billing',
      exclusivity: 'token',
      priority: 5,
      metadata: { address: '10.0.0.1' },
    })
    arbiter.candidacy.win(42n)
    const leadership = await campaign
    expect(leadership).toMatchObject({
      token: 42n,
      tokenScope: 'scripted',
      candidateId: 'worker-1',
      electionName: 'billing',
      exclusivity: 'token',
    })
  })

  it('rejects with the reason of a refusal, and may be called again', async () => {
    const { arbiter, election, campaign } = scripted()
    const first = await campaign()
    const cause = new MandateError('FORBIDDEN', 'no', { reason: 'no' })
    arbiter.candidacy.on.ended({ reason: 'refused', cause })
    await expect(first.leadership).rejects.toBe(cause)
    const second = await campaign()
    arbiter.candidacy.win(1n)
    expect((await second.leadership).isValid()).toBe(true)
    await election.close()
  })

  it('never hands out a win that had run out when it came: it is given back and stood for again (redlock#296)', async () => {
    const { arbiter, clock, campaign } = scripted()
    const { leadership } = await campaign()
    const first = arbiter.candidacy
    const stale = first.renewal()
    clock.advance(1000)
    first.win(1n, stale)
    await clock.advanceAsync(0)
    expect(first.calls).toEqual(['leave'])
    await clock.advanceAsync(100)
    expect(arbiter.candidacies).toHaveLength(2)
    arbiter.candidacy.win(2n)
    expect((await leadership).token).toBe(2n)
    expect(arbiter.sessions).toEqual(['open'])
  })

  it('stands again on a new session when its session was lost while it waited (etcd#11456)', async () => {
    const { arbiter, clock, campaign } = scripted()
    const { leadership } = await campaign()
    arbiter.candidacy.on.ended({ reason: 'session-lost' })
    await clock.advanceAsync(100)
    expect(arbiter.sessions).toEqual(['open', 'close', 'open'])
    arbiter.candidacy.win(3n)
    expect((await leadership).token).toBe(3n)
  })

  it('waits for an arbiter that went away after the first session was open, and says so', async () => {
    const { arbiter, clock, campaign } = scripted()
    const { leadership } = await campaign()
    const away = new MandateError('BACKEND_UNAVAILABLE', 'away', {})
    arbiter.failures.push(away, away)
    arbiter.candidacy.on.ended({ reason: 'session-lost' })
    await clock.advanceAsync(1000)
    expect(arbiter.reports.map((report) => report.error)).toEqual([away, away])
    arbiter.candidacy.win(3n)
    expect((await leadership).token).toBe(3n)
  })

  it('rejects when the first session cannot be opened, and tries anew when called again', async () => {
    const { arbiter, campaign } = scripted()
    arbiter.failures.push(new MandateError('BACKEND_UNAVAILABLE', 'away', {}))
    const first = await campaign()
    await expect(first.leadership).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
    const second = await campaign()
    arbiter.candidacy.win(1n)
    expect((await second.leadership).token).toBe(1n)
  })

  it('is refused while another one stands or leads, in this object and in another of the same id', async () => {
    const { arbiter, election, campaign } = scripted()
    const { leadership } = await campaign()
    await expect(election.campaign()).rejects.toMatchObject({ code: 'DUPLICATE_ID', details: { id: 'me' } })
    await expect(election.lead(() => 1)).rejects.toMatchObject({ code: 'DUPLICATE_ID' })
    const other = createElection({ name: 'billing', backend: arbiter.backend })
    await expect(other.campaign()).rejects.toMatchObject({ code: 'DUPLICATE_ID' })
    arbiter.candidacy.win(1n)
    const won = await leadership
    await expect(election.campaign()).rejects.toMatchObject({ code: 'DUPLICATE_ID' })
    expect(won.isValid()).toBe(true)
  })

  it('after a loss stands only when the old candidacy has been given back', async () => {
    const { arbiter, clock, campaign } = scripted()
    const first = await campaign()
    const old = arbiter.candidacy
    old.win(1n)
    const lost = await first.leadership
    let left = (): void => undefined
    old.leaves = () => new Promise((resolve) => (left = () => resolve('left')))
    clock.stall(2000)
    // Nobody has told the signal yet, but this process knows.
    expect(lost.isValid()).toBe(false)
    const second = await campaign()
    expect(arbiter.candidacies).toHaveLength(1)
    left()
    await clock.advanceAsync(0)
    expect(arbiter.candidacies).toHaveLength(2)
    arbiter.candidacy.win(2n)
    expect((await second.leadership).token).toBe(2n)
  })
})

describe('a cancelled campaign never wins later (S10)', () => {
  it('when the signal had aborted before: nothing is opened', async () => {
    const { arbiter, campaign } = scripted()
    const { leadership } = await campaign(AbortSignal.abort('enough'))
    await expect(leadership).rejects.toMatchObject({ code: 'CANCELLED', details: { reason: 'enough' } })
    expect(arbiter.sessions).toEqual([])
  })

  it('while it waits: rejects after the arbiter has let it go', async () => {
    const { arbiter, clock, controller, campaign } = scripted()
    const { leadership } = await campaign(controller.signal)
    let left = (): void => undefined
    arbiter.candidacy.leaves = () => new Promise((resolve) => (left = () => resolve('left')))
    controller.abort()
    let settled = false
    leadership.catch(() => (settled = true))
    await clock.advanceAsync(0)
    expect(settled).toBe(false)
    left()
    await expect(leadership).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('in the turn of the win, on either side of it: the win is released, nobody is elected', async () => {
    for (const order of ['abort first', 'win first'] as const) {
      const { arbiter, controller, campaign } = scripted()
      const { leadership } = await campaign(controller.signal)
      if (order === 'abort first') controller.abort()
      arbiter.candidacy.win(1n)
      if (order === 'win first') controller.abort()
      await expect(leadership).rejects.toMatchObject({ code: 'CANCELLED' })
      expect(arbiter.candidacy.calls).toEqual(['leave'])
    }
  })

  it('when the release is not answered: rejects all the same, and reports', async () => {
    const { arbiter, controller, campaign } = scripted()
    const { leadership } = await campaign(controller.signal)
    arbiter.candidacy.leaves = () => Promise.resolve('unknown')
    controller.abort()
    await expect(leadership).rejects.toMatchObject({ code: 'CANCELLED' })
    expect(arbiter.reports).toHaveLength(1)
  })

  it('at whatever instant of a hand-over: it either led, or the next candidate leads without waiting for a lease', async () => {
    const outcomes = new Set<string>()
    for (let replyMs = 0; replyMs <= 40; replyMs += 4) {
      const stage = new ElectionStage()
      const [a, c] = [stage.election('a'), stage.election('c')]
      const backend = stage.process('b')
      const leader = await stage.run(a.campaign())
      const controller = new AbortController()
      const ghost = createElection({ name: 'billing', backend }).campaign({ signal: controller.signal })
      const settled = ghost.then(
        () => 'led',
        (error: unknown) => (isMandateError(error, 'CANCELLED') ? 'cancelled' : 'failed'),
      )
      await stage.pass(50)
      stage.space.delayReplies(backend, replyMs)
      const resigned = leader.resign()
      stage.clock.setTimer(20, () => controller.abort())
      const outcome = await stage.run(settled, 500)
      outcomes.add(outcome)
      await stage.run(resigned, 500)
      if (outcome === 'cancelled') expect((await stage.run(c.campaign(), 100)).isValid()).toBe(true)
      else expect((await ghost).isValid()).toBe(true)
    }
    expect([...outcomes]).toEqual(['led', 'cancelled'])
  })

  it('leaves neither a timer nor a session behind', async () => {
    const stage = new ElectionStage()
    await stage.run(stage.election('a').campaign())
    const b = stage.election('b')
    const controller = new AbortController()
    const waiting = b.campaign({ signal: controller.signal }).catch((error: unknown) => error)
    await stage.pass(500)
    controller.abort()
    expect(await stage.run(waiting)).toMatchObject({ code: 'CANCELLED' })
    const timers = stage.pendingTimers()
    await settle(stage.clock, b.close())
    expect(stage.pendingTimers()).toBe(timers - 1)
  })
})
