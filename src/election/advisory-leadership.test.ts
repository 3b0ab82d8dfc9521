import { describe, expect, expectTypeOf, it } from 'vitest'
import { orderOf, rankOf } from '../backends/advisory-rank.ts'
import type { Backend } from '../backends/backend.ts'
import { fenceHeaders, fenceOf, postgresGuard } from '../fencing/index.ts'
import type { Fence } from '../fencing/index.ts'
import { checkFence } from '../fencing/guard.ts'
import { ScriptedArbiter } from '../testing/election-stage.ts'
import type { AdvisoryLeadership } from './advisory-leadership.ts'
import { createElection } from './election.ts'
import type { Leadership } from './leadership.ts'

/** The scripted arbiter as an advisory backend would be: the same in everything but what it declares. */
function advisory(arbiter: ScriptedArbiter): Backend<'advisory'> {
  const { backend } = arbiter
  const facts = { ...backend.facts, guarantee: 'advisory', exclusivity: [] } as const
  return new Proxy(backend as unknown as Backend<'advisory'>, {
    get: (target, key) => {
      if (key === 'facts') return facts
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

async function leading() {
  const arbiter = new ScriptedArbiter()
  const election = createElection({ name: 'billing', backend: advisory(arbiter) })
  const campaign = election.campaign()
  await arbiter.clock.advanceAsync(0)
  const { candidacy } = arbiter
  candidacy.win(orderOf({ epoch: 3, slot: 1 }))
  return { arbiter, election, candidacy, leadership: await campaign }
}

it('the order of ranks is that of epochs, then of slots, and gives the rank back', () => {
  const ranks = [
    { epoch: 1, slot: 0 },
    { epoch: 1, slot: 7 },
    { epoch: 2, slot: 0 },
    { epoch: 2 ** 40, slot: 65_535 },
  ]
  const orders = ranks.map(orderOf)
  expect(orders.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(orders)
  expect(orders.map(rankOf)).toEqual(ranks)
})

describe('the leadership of an advisory election', () => {
  it('has a rank and no token, in its JSON too', async () => {
    const { leadership } = await leading()
    expect(leadership.rank).toEqual({ epoch: 3, slot: 1 })
    expect(leadership).not.toHaveProperty('token')
    expect(leadership).not.toHaveProperty('exclusivity')
    expect(JSON.parse(JSON.stringify(leadership))).toEqual({
      election: 'billing',
      candidateId: leadership.candidateId,
      rank: { epoch: 3, slot: 1 },
      valid: true,
      remainingMs: 998,
    })
    expectTypeOf(leadership).toEqualTypeOf<AdvisoryLeadership>()
    expectTypeOf<AdvisoryLeadership>().not.toHaveProperty('token')
  })

  it('has a higher rank after partitions healed, and is the same leadership', async () => {
    const { leadership, candidacy } = await leading()
    candidacy.on.rose?.(orderOf({ epoch: 9, slot: 1 }))
    expect(leadership.rank).toEqual({ epoch: 9, slot: 1 })
    expect(leadership.isValid()).toBe(true)
  })

  it('ends as every other: isValid() is false, then the signal aborts, and the error names the rank', async () => {
    const { leadership, candidacy } = await leading()
    const seen: unknown[] = []
    leadership.signal.addEventListener('abort', () => seen.push(leadership.isValid()))
    candidacy.on.ended({ reason: 'superseded' })
    expect(seen).toEqual([false])
    await expect(leadership.lost).resolves.toBe('superseded')
    expect(() => leadership.assertValid()).toThrow(/rank 3\.1.*superseded/)
  })

  it('is refused by the compiler where a token is wanted', async () => {
    const { leadership } = await leading()
    // @ts-expect-error an advisory leadership has no token
    expect(() => fenceOf(leadership)).toThrow()
    // @ts-expect-error nor can it be passed for one that has
    const asLeadership: Leadership = leadership
    expect(asLeadership).toBe(leadership)
    expectTypeOf<AdvisoryLeadership>().not.toExtend<Parameters<typeof fenceOf>[0]>()
    expectTypeOf<AdvisoryLeadership>().not.toExtend<Fence>()
    expectTypeOf<Leadership>().toExtend<Parameters<typeof fenceOf>[0]>()
  })

  it('is refused by guards at run time, for whoever has no compiler', async () => {
    const { leadership } = await leading()
    const refused = expect.objectContaining({
      code: 'INVALID_OPTIONS',
      message: expect.stringMatching(/rank and no token.*quorum/) as string,
    })
    expect(() => fenceOf(leadership as unknown as Leadership)).toThrow(refused)
    expect(() => checkFence(leadership)).toThrow(refused)
    // @ts-expect-error an advisory leadership is no fence
    expect(() => fenceHeaders(leadership)).toThrow(refused)
    const queries: string[] = []
    const client = { query: (text: string) => Promise.resolve({ rows: [void queries.push(text)] }) }
    // @ts-expect-error an advisory leadership is no fence
    await expect(postgresGuard().check(client, leadership)).rejects.toThrow(refused)
    expect(queries).toEqual([])
  })
})

describe('createElection with an advisory backend', () => {
  it.each(['time', 'token'] as const)(
    "refuses exclusivity '%s', and says why and what to do",
    (exclusivity) => {
      const backend = advisory(new ScriptedArbiter())
      expect(() => createElection({ name: 'e', backend, exclusivity })).toThrow(
        expect.objectContaining({
          code: 'INVALID_OPTIONS',
          message: expect.stringMatching(
            /advisory.*Leave the option out, or use a backend with a quorum/,
          ) as string,
        }),
      )
    },
  )

  it('shows observers a rank and no token, and lets it go back: another part of the network may be lower', async () => {
    const { arbiter, election } = await leading()
    const states = election.observe()[Symbol.asyncIterator]()
    const first = states.next()
    await arbiter.clock.advanceAsync(0)
    arbiter.observers[0]?.led({ id: 'a', token: orderOf({ epoch: 5, slot: 0 }), metadata: {} })
    const { value } = await first
    expect(JSON.parse(JSON.stringify(value))).toEqual({
      type: 'led',
      leader: { id: 'a', rank: { epoch: 5, slot: 0 }, metadata: {} },
    })
    arbiter.observers[0]?.led({ id: 'b', token: orderOf({ epoch: 4, slot: 1 }), metadata: {} })
    expect((await states.next()).value).toMatchObject({ leader: { id: 'b', rank: { epoch: 4, slot: 1 } } })
    await election.close()
  })

  it('leaves the ordinary API as it is', () => {
    const { backend } = new ScriptedArbiter()
    const election = createElection({ name: 'e', backend })
    expectTypeOf(election.campaign).returns.resolves.toEqualTypeOf<Leadership>()
    void (() => election.lead(({ token }) => expectTypeOf(token).toEqualTypeOf<bigint>()))
  })
})
