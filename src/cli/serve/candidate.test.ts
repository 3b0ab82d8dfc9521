import { describe, expect, it } from 'vitest'
import { createElection } from '../../index.ts'
import { ScriptedArbiter } from '../../testing/election-stage.ts'
import { ServedCandidate } from './candidate.ts'
import type { LeadershipEvent } from './candidate.ts'

async function serving(validForMs = 300) {
  const arbiter = new ScriptedArbiter()
  const { clock } = arbiter
  const events: LeadershipEvent[] = []
  const changed = (event: LeadershipEvent): void => void events.push(event)
  const candidate = new ServedCandidate({ id: 'a', validForMs, maxClockDrift: 0.001, clock, changed })
  const election = createElection({ name: 'billing', backend: arbiter.backend, candidate: { id: 'a' } })
  const stop = new AbortController()
  const leading = election.lead(candidate.work, { signal: stop.signal, drainMs: validForMs + 1000 })
  await clock.advanceAsync(0)
  return { arbiter, clock, candidate, leading, events, stop }
}

describe('a served candidate', () => {
  it('permits nothing before it leads, and never longer than its lease and the limit', async () => {
    const { arbiter, clock, candidate, events } = await serving()
    expect(candidate.permit()).toBeUndefined()
    arbiter.candidacy.win(7n)
    await clock.advanceAsync(0)
    expect(events).toEqual([{ is: 'elected', token: 7n }])
    expect(candidate.permit()).toMatchObject({ token: 7n, validForMs: 300 })
    await clock.advanceAsync(900)
    // A lease of 1000 ms, of which a holder counts 998; and the clock of who asks may be slower.
    expect(candidate.permit()).toMatchObject({ validForMs: 97 })
  })

  it('permits nothing after a stall past its deadline, though no timer has fired yet', async () => {
    const { arbiter, clock, candidate } = await serving()
    arbiter.candidacy.win(7n)
    await clock.advanceAsync(0)
    expect(candidate.leads()).toBe(7n)
    let during: unknown = 'not asked'
    // What a request finds that is read before the timers of a process that was stopped for two seconds.
    clock.setTimer(100, () => (during = candidate.permit()))
    clock.stall(2000)
    await clock.advanceAsync(0)
    expect(during).toBeUndefined()
    expect(candidate.leads()).toBeUndefined()
  })

  it('asked to stop, it says so at once, and gives the election back when the last permit is over', async () => {
    const { arbiter, clock, candidate, leading, stop, events } = await serving()
    const { candidacy } = arbiter
    candidacy.win(7n)
    await clock.advanceAsync(10)
    candidate.permit()
    candidate.stopAnswering()
    stop.abort()
    await clock.advanceAsync(0)
    expect(candidate.permit()).toBeUndefined()
    expect(events.at(-1)).toEqual({ is: 'lost', token: 7n, reason: 'resigned' })
    await clock.advanceAsync(299)
    expect(candidacy.calls).toEqual([])
    await clock.advanceAsync(20)
    expect(candidacy.calls).toHaveLength(1)
    await expect(leading).resolves.toBeUndefined()
  })

  it('gives it back at once where nobody asked lately', async () => {
    const { arbiter, clock, candidate, leading, stop } = await serving()
    const { candidacy } = arbiter
    candidacy.win(7n)
    await clock.advanceAsync(0)
    candidate.permit()
    await clock.advanceAsync(400)
    stop.abort()
    await clock.advanceAsync(0)
    expect(candidacy.calls).toHaveLength(1)
    await leading
  })
})
