import { describe, expect, it } from 'vitest'
import type { Leadership } from '../election/leadership.ts'
import { rehearsal, type ForcedLoss } from './rehearsal.ts'

const untilAborted = ({ signal }: Leadership): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

/** Two processes that lead whenever they can; a is first. */
async function twoLeaders(o: { readonly exclusivity?: 'time' | 'token' } = {}) {
  const stage = rehearsal()
  const [a, b] = [stage.process('a'), stage.process('b')]
  const elections = [a, b].map((process) => process.election('billing', o))
  const leading = elections.map((election) => election.lead(untilAborted))
  await stage.until(() => stage.history.leading('billing').length > 0)
  const leader = (): string | undefined =>
    stage.history.leading('billing').find((one) => one.isValid())?.candidateId
  const end = (): Promise<unknown> =>
    stage.run(Promise.all([...elections.map((election) => election.close()), ...leading]))
  return { stage, a, b, leader, end }
}

describe('rehearsal', () => {
  it.each(['expired', 'suspended', 'revoked', 'session-lost'] satisfies ForcedLoss[])(
    'makes a leader lose by %s, and another lead after it',
    async (reason) => {
      const { stage, a, leader, end } = await twoLeaders()
      expect(leader()).toBe('a')
      await a.loses('billing', reason)
      expect(String(stage.history)).toContain(`loses billing: ${reason}`)
      await stage.until(() => leader() === 'b')
      await end()
      stage.history.assertSafe()
    },
  )

  it('makes a leader in token mode lose to evidence of death, and refuses that in time mode', async () => {
    const token = await twoLeaders({ exclusivity: 'token' })
    await token.a.loses('billing', 'superseded')
    await token.stage.until(() => token.leader() === 'b')
    await token.end()
    token.stage.history.assertSafe()

    const time = await twoLeaders()
    await expect(time.a.loses('billing', 'superseded')).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await time.end()
  })

  it('says who leads when somebody is to lose what it does not have', async () => {
    const { b, end } = await twoLeaders()
    await expect(b.loses('billing', 'revoked')).rejects.toThrow("b does not lead 'billing', a does")
    await end()
  })

  it('lets a leader in a black hole believe until its deadline, and nobody lead meanwhile', async () => {
    const { stage, a, leader, end } = await twoLeaders()
    a.blackHole()
    await stage.passes(800)
    expect(leader()).toBe('a')
    await stage.until(() => leader() === 'b')
    expect(String(stage.history)).toMatch(/loses billing: expired\n.*leads billing with 2$/)
    a.isHeard()
    await end()
    stage.history.assertSafe()
  })

  it('flaps as often as it is told', async () => {
    const { stage, end } = await twoLeaders()
    await stage.flaps('billing', { times: 5, everyMs: 50 })
    await stage.until(() => stage.history.leading('billing').length > 0)
    expect(String(stage.history).match(/loses billing: revoked/g)).toHaveLength(5)
    await end()
    stage.history.assertSafe()
  })

  it('takes a crashed process for gone, and starts the next after the lease', async () => {
    const { stage, a, leader, end } = await twoLeaders()
    a.crashes()
    const since = stage.clock.trueMs()
    await stage.until(() => leader() === 'b')
    expect(stage.clock.trueMs() - since).toBeGreaterThan(900)
    stage.history.assertSafe()
    void end().catch(() => undefined)
  })

  it('tells a leader of its loss only after a stall, and isValid() at once', async () => {
    const { stage, a, leader, end } = await twoLeaders()
    const [held] = stage.history.leading('billing')
    await a.stalls(3_000)
    expect(held?.isValid()).toBe(false)
    expect(leader()).toBe('b')
    await stage.passes(10)
    expect(held?.signal.aborted).toBe(true)
    await end()
    stage.history.assertSafe()
  })

  it('shows what happened when the wait is too long', async () => {
    const { stage, end } = await twoLeaders()
    await expect(stage.until(() => false, 100)).rejects.toThrow(/within 100 ms[\s\S]*leads billing with 1/)
    await end()
  })

  it('gives the same history for the same seed', async () => {
    const histories = []
    for (let time = 0; time < 2; time++) {
      const { stage, end } = await twoLeaders()
      await stage.flaps('billing', { times: 3, everyMs: 100 })
      await end()
      histories.push(String(stage.history))
    }
    expect(histories[0]).toBe(histories[1])
  })
})
