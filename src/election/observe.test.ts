import { describe, expect, it } from 'vitest'
import { createElection } from './election.ts'
import type { ElectionState } from './observe.ts'
import { MandateError } from '../errors.ts'
import { ElectionStage, ScriptedArbiter, settle } from '../testing/election-stage.ts'

function scripted() {
  const arbiter = new ScriptedArbiter()
  const election = createElection({ name: 'billing', backend: arbiter.backend })
  const { clock } = arbiter
  /** Begins to iterate; gives the first read, and the events of the backend. */
  const begin = async (signal?: AbortSignal) => {
    const states = election.observe({ signal })[Symbol.asyncIterator]()
    const first = states.next()
    await clock.advanceAsync(0)
    const on = arbiter.observers.at(-1)
    if (on === undefined) throw new Error('nobody observes')
    return { states, first, on }
  }
  return { arbiter, election, clock, begin }
}

const leader = (token: bigint, metadata = {}) => ({ id: 'a', token, metadata })

describe('observe()', () => {
  it('opens nothing before the first read, gives the present state first, then changes', async () => {
    const { arbiter, election, begin } = scripted()
    election.observe()
    expect(arbiter.observers).toHaveLength(0)
    const { states, first, on } = await begin()
    on.led(leader(1n))
    expect((await first).value).toMatchObject({
      type: 'led',
      leader: { id: 'a', token: 1n, tokenScope: 'scripted' },
    })
    const second = states.next()
    on.vacant()
    expect((await second).value).toEqual({ type: 'vacant' })
  })

  it('gives a slow reader the newest state only', async () => {
    const { states, first, on } = await scripted().begin()
    on.led(leader(1n))
    await first
    on.vacant()
    on.led(leader(2n))
    on.vacant()
    on.led(leader(3n))
    expect((await states.next()).value).toMatchObject({ leader: { token: 3n } })
  })

  it('never goes back to an older token, and tells nothing twice (S14)', async () => {
    const { states, first, on } = await scripted().begin()
    on.led(leader(5n))
    await first
    const seen: string[] = []
    const read = async (): Promise<void> => {
      const { value } = await states.next()
      seen.push(
        value?.type === 'led' ? `${value.leader.token} ${JSON.stringify(value.leader.metadata)}` : 'other',
      )
    }
    const reading = read()
    on.led(leader(4n))
    on.led(leader(5n))
    await Promise.resolve()
    expect(seen).toEqual([])
    on.led(leader(5n, { version: '2' }))
    await reading
    expect(seen).toEqual(['5 {"version":"2"}'])
  })

  it('says since when nothing is known, once, and tells a state that is confirmed afterwards', async () => {
    const { arbiter, begin } = scripted()
    const { states, first, on } = await begin()
    on.led(leader(1n))
    await first
    const since = arbiter.clock.wallMs()
    on.unknown('cut')
    arbiter.clock.advance(1000)
    on.unknown('cut again')
    expect((await states.next()).value).toEqual({ type: 'unknown', since, cause: 'cut' })
    on.led(leader(1n))
    expect((await states.next()).value).toMatchObject({ type: 'led' })
  })

  it('ends quietly when its signal aborts, also while a read waits', async () => {
    const { arbiter, begin } = scripted()
    const controller = new AbortController()
    const { states, first } = await begin(controller.signal)
    controller.abort()
    expect(await first).toEqual({ done: true, value: undefined })
    expect(await states.next()).toEqual({ done: true, value: undefined })
    expect(arbiter.observers).toHaveLength(0)
  })

  it('ends when the loop is left, and lets go of its subscription', async () => {
    const { arbiter, election, clock } = scripted()
    const seen: ElectionState[] = []
    const loop = (async () => {
      for await (const state of election.observe()) {
        seen.push(state)
        break
      }
    })()
    await clock.advanceAsync(0)
    arbiter.observers[0]?.vacant()
    await loop
    expect(seen).toEqual([{ type: 'vacant' }])
    expect(arbiter.observers).toHaveLength(0)
  })

  it('ends when the election is closed, and is refused afterwards', async () => {
    const { election, begin } = scripted()
    const { first } = await begin()
    await election.close()
    expect(await first).toEqual({ done: true, value: undefined })
    expect(() => election.observe()).toThrow(/was closed/)
    await expect(election.current()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('that ends while the observer is opened keeps no subscription', async () => {
    const { arbiter, election, clock } = scripted()
    const controller = new AbortController()
    const first = election.observe({ signal: controller.signal })[Symbol.asyncIterator]().next()
    controller.abort()
    expect((await first).done).toBe(true)
    await clock.advanceAsync(0)
    expect(arbiter.observers).toHaveLength(0)
  })

  it('calls an arbiter that cannot be reached unknown, and tries again', async () => {
    const { arbiter, election, clock } = scripted()
    const away = new MandateError('BACKEND_UNAVAILABLE', 'away', {})
    arbiter.failures.push(away, away)
    const states = election.observe()[Symbol.asyncIterator]()
    expect((await settle(clock, states.next())).value).toMatchObject({ type: 'unknown', cause: away })
    const next = states.next()
    await clock.advanceAsync(5000)
    arbiter.observers[0]?.vacant()
    expect((await next).value).toEqual({ type: 'vacant' })
    await states.return?.()
    expect(clock.pendingTimers()).toBe(0)
  })

  it('fails once with what trying again cannot mend, then is over', async () => {
    const { arbiter, election } = scripted()
    arbiter.failures.push(new MandateError('UNAUTHORIZED', 'no', { reason: 'no' }))
    const states = election.observe()[Symbol.asyncIterator]()
    await expect(states.next()).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    expect(await states.next()).toEqual({ done: true, value: undefined })
  })

  it('gives every iteration a state of its own', async () => {
    const { begin } = scripted()
    const one = await begin()
    const two = await begin()
    one.on.led(leader(1n))
    two.on.led(leader(2n))
    expect((await one.first).value).toMatchObject({ leader: { token: 1n } })
    expect((await two.first).value).toMatchObject({ leader: { token: 2n } })
  })

  it('goes through JSON with the token as a decimal string', async () => {
    const { first, on } = await scripted().begin()
    on.led(leader(2n ** 60n, { address: 'a:1' }))
    expect(JSON.parse(JSON.stringify((await first).value))).toEqual({
      type: 'led',
      leader: { id: 'a', token: '1152921504606846976', tokenScope: 'scripted', metadata: { address: 'a:1' } },
    })
  })
})

describe('current()', () => {
  it('reads once', async () => {
    const stage = new ElectionStage()
    const [a, b] = [stage.election('a', { candidate: { metadata: { address: 'a:1' } } }), stage.election('b')]
    expect(await stage.run(b.current())).toEqual({ type: 'vacant' })
    const { token } = await stage.run(a.campaign())
    expect(await stage.run(b.current())).toMatchObject({
      type: 'led',
      leader: { id: 'a', token, metadata: { address: 'a:1' } },
    })
    await stage.run(Promise.all([a.close(), b.close()]))
    expect(stage.pendingTimers()).toBe(0)
  })

  it('rejects when nobody can say, and when its signal aborts', async () => {
    const { arbiter, election, clock } = scripted()
    const state = election.current()
    const unavailable = expect(state).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE', cause: 'cut' })
    await clock.advanceAsync(0)
    arbiter.observers[0]?.unknown('cut')
    await unavailable
    const controller = new AbortController()
    const cancelled = expect(election.current({ signal: controller.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    })
    await clock.advanceAsync(0)
    controller.abort()
    await cancelled
    expect(arbiter.observers).toHaveLength(0)
  })
})
