import { describe, expect, it } from 'vitest'
import {
  aheadOf,
  apply,
  cloneRegistry,
  createRegistry,
  electionState,
  isFull,
  newestSession,
  nextWinner,
  sessionsOf,
  sessionState,
  vacantElections,
  type Registry,
  type RegistryLimits,
} from './registry.ts'
import type { Command, Exclusivity, RegistryEvent, RequestResult, SessionRequest } from './types.ts'

/** A registry with a log that counts by itself. */
class Log {
  readonly registry: Registry
  index = 0

  constructor(options: { limits?: Partial<RegistryLimits>; tokenBase?: bigint } = {}) {
    this.registry = createRegistry({ tokenBase: options.tokenBase ?? 0n, limits: options.limits ?? {} })
  }

  add(command: Command): RegistryEvent[] {
    this.index += 1
    return apply(this.registry, this.index, command)
  }

  /** Opens session `key` of the candidate id that is its letter. */
  open(key: string, host: { peer: string; incarnation: number } | null = null): RegistryEvent[] {
    return this.add({ type: 'open', session: key, id: key[0] ?? '', leaseMs: 1_000, host })
  }

  batch(session: string, ...requests: SessionRequest[]): RegistryEvent[] {
    const number = (this.registry.sessions.get(session)?.number ?? 0) + 1
    return this.add({ type: 'batch', session, number, requests })
  }

  campaign(
    session: string,
    election = 'e',
    options: { priority?: number; exclusivity?: Exclusivity } = {},
  ): RequestResult | undefined {
    return results(this.batch(session, campaign(election, options)))[0]
  }

  grant(session: string, election = 'e'): RegistryEvent[] {
    return this.add({ type: 'grant', grants: [{ election, session }] })
  }

  /** Sessions a1, b1, … opened and waiting for `e` in this order; the first of them leads. */
  static led(...sessions: string[]): Log {
    const log = new Log()
    for (const session of sessions) log.open(session)
    for (const session of sessions) log.campaign(session)
    log.grant(sessions[0] ?? '')
    return log
  }

  get holder(): string | undefined {
    return this.registry.elections.get('e')?.holder?.session
  }

  get token(): bigint {
    return this.registry.elections.get('e')?.holder?.token ?? -1n
  }

  get waiting(): string[] {
    return electionState(this.registry, 'e')?.waiting.map(({ session }) => session) ?? []
  }
}

function campaign(
  election: string,
  { priority = 0, exclusivity = 'time' }: { priority?: number; exclusivity?: Exclusivity } = {},
): SessionRequest & { type: 'campaign' } {
  return { type: 'campaign', election, exclusivity, priority, metadata: { at: election } }
}

function results(events: readonly RegistryEvent[]): readonly RequestResult[] {
  return events.find((event) => event.type === 'batch-applied')?.results ?? []
}

const everybody = (): boolean => true
const types = (events: readonly RegistryEvent[]): string[] => events.map(({ type }) => type)

describe('open', () => {
  it('makes a session whose epoch is the index of its entry', () => {
    const log = new Log()
    log.open('a1')
    expect(log.open('b1')).toEqual([
      { type: 'session-opened', session: 'b1', id: 'b', epoch: 2, leaseMs: 1_000 },
    ])
    expect(sessionState(log.registry, 'b1')).toEqual({
      epoch: 2,
      number: 0,
      results: [],
      holds: [],
      waits: [],
    })
  })

  it('is idempotent: a repetition tells nothing and changes nothing', () => {
    const log = Log.led('a1')
    const before = sessionState(log.registry, 'a1')
    expect(log.open('a1')).toEqual([])
    expect(sessionState(log.registry, 'a1')).toEqual(before)
  })

  it('supersedes the older session of the id: it keeps its grant, leaves every queue, never wins again', () => {
    const log = Log.led('a1', 'b1')
    log.campaign('a1', 'f')
    log.campaign('b1', 'f', { priority: -1 })
    expect(log.open('a2')).toEqual([
      { type: 'session-opened', session: 'a2', id: 'a', epoch: log.index, leaseMs: 1_000 },
      { type: 'session-superseded', session: 'a1', by: 'a2' },
      { type: 'queue-changed', election: 'f' },
    ])
    expect(log.holder).toBe('a1')
    expect(nextWinner(log.registry, 'f', everybody)).toBe('b1')
    expect(log.campaign('a1', 'f')).toMatchObject({ is: 'refused', code: 'DUPLICATE_ID' })
    expect(log.grant('a1', 'f')).toEqual([])
    expect(newestSession(log.registry, 'a')).toBe('a2')
  })

  it('lets a third incarnation supersede the second, and the id start anew when the newest has ended', () => {
    const log = new Log()
    for (const key of ['a1', 'a2']) log.open(key)
    expect(log.open('a3')).toContainEqual({ type: 'session-superseded', session: 'a2', by: 'a3' })
    log.add({ type: 'close', session: 'a3' })
    expect(newestSession(log.registry, 'a')).toBeNull()
    expect(types(log.open('a4'))).toEqual(['session-opened'])
    expect(newestSession(log.registry, 'a')).toBe('a4')
  })

  it('gives a key that is opened again after its end another epoch, so that a late expiry misses it', () => {
    const log = new Log()
    log.open('a1')
    const expire: Command = { type: 'expire', session: 'a1', epoch: 1 }
    log.add(expire)
    log.open('a1')
    expect(log.add(expire)).toEqual([])
    expect(sessionState(log.registry, 'a1')?.epoch).toBe(3)
  })

  it('is refused beyond the limit, with an event and without an exception', () => {
    const log = new Log({ limits: { sessions: 1 } })
    expect(isFull(log.registry)).toBe(false)
    log.open('a1')
    expect(isFull(log.registry)).toBe(true)
    expect(log.open('b1')).toEqual([
      expect.objectContaining({ type: 'open-refused', session: 'b1', code: 'LIMIT_EXCEEDED' }),
    ])
    expect(sessionState(log.registry, 'b1')).toBeNull()
  })

  it('knows which sessions live in which process', () => {
    const log = new Log()
    log.open('a1', { peer: 'p', incarnation: 1 })
    log.open('b1', { peer: 'p', incarnation: 2 })
    log.open('c1')
    expect(sessionsOf(log.registry, 'p')).toEqual(['a1', 'b1'])
    log.add({ type: 'close', session: 'a1' })
    expect(sessionsOf(log.registry, 'p')).toEqual(['b1'])
    expect(sessionsOf(log.registry, 'q')).toEqual([])
  })
})

describe('reopen (A5)', () => {
  it('moves the session and its grants to the next epoch', () => {
    const log = Log.led('a1')
    expect(log.add({ type: 'reopen', session: 'a1', epoch: 1 })).toEqual([
      { type: 'session-reopened', session: 'a1', epoch: 2, leaseMs: 1_000 },
    ])
    expect(log.add({ type: 'expire', session: 'a1', epoch: 1 })).toEqual([])
    expect(log.holder).toBe('a1')
  })

  it.each([
    ['of another epoch', { type: 'reopen', session: 'a1', epoch: 7 }],
    ['of a session that does not exist', { type: 'reopen', session: 'x1', epoch: 1 }],
  ] satisfies [string, Command][])('%s does nothing', (_what, command) => {
    expect(Log.led('a1').add(command)).toEqual([])
  })

  it('of a superseded session does nothing, so that it runs out', () => {
    const log = Log.led('a1')
    log.open('a2')
    expect(log.add({ type: 'reopen', session: 'a1', epoch: 1 })).toEqual([])
  })
})

describe('batch', () => {
  it('answers a repeated number with the kept results and does nothing twice', () => {
    const log = Log.led('a1')
    const release: Command = {
      type: 'batch',
      session: 'a1',
      number: 2,
      requests: [{ type: 'release', election: 'e', token: log.token }],
    }
    const first = log.add(release)
    expect(types(first)).toEqual(['freed', 'batch-applied'])
    expect(log.add(release)).toEqual(first.filter(({ type }) => type === 'batch-applied'))
  })

  it('never wins by a retried campaign after the leave that cancelled it', () => {
    const log = new Log()
    log.open('a1')
    const first: Command = { type: 'batch', session: 'a1', number: 1, requests: [campaign('e')] }
    log.add(first)
    log.batch('a1', { type: 'leave', election: 'e' })
    expect(log.add(first)).toEqual([])
    expect(log.waiting).toEqual([])
  })

  it.each([
    ['a gap in the numbers', 'a1', 9],
    ['an unknown session', 'x1', 1],
  ])('refuses all requests after %s', (_what, session, number) => {
    const log = Log.led('a1')
    const before = sessionState(log.registry, 'a1')
    const events = log.add({ type: 'batch', session, number, requests: [campaign('f'), campaign('g')] })
    const refused = { is: 'refused', code: 'CLOSED', message: 'The session has ended.' }
    expect(events).toEqual([{ type: 'batch-applied', session, number, results: [refused, refused] }])
    expect(sessionState(log.registry, 'a1')).toEqual(before)
  })

  it('carries out its requests in order', () => {
    const log = Log.led('a1')
    const events = log.batch(
      'a1',
      { type: 'release', election: 'e', token: log.token },
      campaign('e', { exclusivity: 'token' }),
      { type: 'leave', election: 'e' },
    )
    expect(results(events)).toEqual([{ is: 'done' }, { is: 'queued', ahead: 0 }, { is: 'done' }])
    expect(electionState(log.registry, 'e')).toBeNull()
  })

  it('of too many requests is refused as a whole and uses up its number', () => {
    const log = new Log({ limits: { requestsPerBatch: 1 } })
    log.open('a1')
    const refusals = results(log.batch('a1', campaign('e'), campaign('f')))
    expect(refusals).toHaveLength(2)
    expect(refusals[0]).toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 'requestsPerBatch' })
    expect(sessionState(log.registry, 'a1')?.number).toBe(1)
    expect(log.registry.elections.size).toBe(0)
  })

  it('answers what the leader turned away like any other refusal', () => {
    const log = new Log()
    log.open('a1')
    const turnAway = {
      type: 'turn-away',
      election: 'e',
      code: 'LIMIT_EXCEEDED',
      message: 'log full',
    } as const
    expect(results(log.batch('a1', turnAway))).toEqual([
      { is: 'refused', code: 'LIMIT_EXCEEDED', message: 'log full' },
    ])
  })
})

describe('campaign', () => {
  it('queues behind the holder and those who came before', () => {
    const log = Log.led('a1', 'b1')
    log.open('c1')
    expect(log.campaign('c1')).toEqual({ is: 'queued', ahead: 2 })
    expect(aheadOf(log.registry, 'e', 'b1')).toBe(1)
    expect(aheadOf(log.registry, 'e', 'a1')).toBeNull()
  })

  it('passes lower priorities, and only then tells the others that they stand elsewhere', () => {
    const log = Log.led('a1', 'b1')
    log.open('c1')
    log.open('d1')
    expect(types(log.batch('c1', campaign('e')))).toEqual(['batch-applied'])
    expect(log.batch('d1', campaign('e', { priority: 5 }))).toEqual([
      { type: 'batch-applied', session: 'd1', number: 1, results: [{ is: 'queued', ahead: 1 }] },
      { type: 'queue-changed', election: 'e' },
    ])
    expect(log.waiting).toEqual(['d1', 'b1', 'c1'])
  })

  it('is idempotent for who waits or holds: place and priority stay', () => {
    const log = Log.led('a1', 'b1', 'c1')
    expect(log.campaign('c1', 'e', { priority: 9 })).toEqual({ is: 'queued', ahead: 2 })
    expect(log.campaign('a1')).toEqual({ is: 'queued', ahead: 0 })
    expect(log.waiting).toEqual(['b1', 'c1'])
  })

  it('with another exclusivity is refused, both values named, while anybody holds or waits', () => {
    const log = Log.led('a1')
    log.open('b1')
    const refusal = log.campaign('b1', 'e', { exclusivity: 'token' })
    expect(refusal).toMatchObject({ code: 'INVALID_OPTIONS', expected: 'time' })
    expect(refusal).toMatchObject({ message: expect.stringMatching(/'time'.*'token'/) })
    log.batch('a1', { type: 'release', election: 'e', token: log.token })
    expect(log.campaign('b1', 'e', { exclusivity: 'token' })).toEqual({ is: 'queued', ahead: 0 })
  })

  it('keeps the exclusivity while the election is vacant but somebody waits', () => {
    const log = Log.led('a1', 'b1')
    log.batch('a1', { type: 'release', election: 'e', token: log.token })
    expect(log.campaign('a1', 'e', { exclusivity: 'token' })).toMatchObject({ code: 'INVALID_OPTIONS' })
  })

  it.each([
    ['elections', { elections: 1 }, 'f'],
    ['candidatesPerElection', { candidatesPerElection: 1 }, 'e'],
  ] satisfies [string, Partial<RegistryLimits>, string][])(
    'is refused beyond %s',
    (limit, limits, election) => {
      const log = new Log({ limits })
      log.open('a1')
      log.open('b1')
      log.campaign('a1')
      expect(log.campaign('b1', election)).toMatchObject({ code: 'LIMIT_EXCEEDED', expected: limit })
      expect(log.registry.elections.size).toBe(1)
    },
  )
})

describe('grant', () => {
  it('gives the token base plus the index of its entry, and the metadata of the campaign', () => {
    const log = new Log({ tokenBase: 1n << 60n })
    log.open('a1')
    log.campaign('a1')
    expect(log.grant('a1')).toEqual([
      {
        type: 'granted',
        election: 'e',
        session: 'a1',
        id: 'a',
        token: (1n << 60n) + 3n,
        metadata: { at: 'e' },
      },
    ])
    expect(sessionState(log.registry, 'a1')?.holds).toEqual([{ election: 'e', token: (1n << 60n) + 3n }])
  })

  it('names an election once: of two grants in one entry the first counts', () => {
    const log = new Log()
    for (const key of ['a1', 'b1']) log.open(key)
    for (const key of ['a1', 'b1']) log.campaign(key)
    const grants = ['b1', 'a1'].map((session) => ({ election: 'e', session }))
    // a1 stood first and was passed by, so it stands elsewhere now.
    expect(types(log.add({ type: 'grant', grants }))).toEqual(['granted', 'queue-changed'])
    expect(log.holder).toBe('b1')
  })

  it('is checked again: nobody gets what is held, or what it does not wait for', () => {
    const log = Log.led('a1', 'b1')
    log.open('c1')
    expect(log.grant('b1')).toEqual([])
    log.batch('a1', { type: 'release', election: 'e', token: log.token })
    expect(log.grant('c1')).toEqual([])
    expect(log.grant('x1')).toEqual([])
    expect(log.grant('b1', 'nowhere')).toEqual([])
  })

  it('tells nobody behind the winner anything: it still stands before them', () => {
    const log = Log.led('a1', 'b1', 'c1')
    log.batch('a1', { type: 'release', election: 'e', token: log.token })
    expect(types(log.grant('b1'))).toEqual(['granted'])
    expect(aheadOf(log.registry, 'e', 'c1')).toBe(1)
  })
})

describe('leave, release, transfer, proclaim', () => {
  it('leave takes a waiter out, and gives back a grant that came first (no ghost win)', () => {
    const log = Log.led('a1', 'b1', 'c1')
    expect(log.batch('b1', { type: 'leave', election: 'e' })).toEqual([
      { type: 'batch-applied', session: 'b1', number: 2, results: [{ is: 'done' }] },
      { type: 'queue-changed', election: 'e' },
    ])
    expect(log.batch('a1', { type: 'leave', election: 'e' })).toMatchObject([
      { type: 'freed', session: 'a1', reason: 'released' },
      { type: 'batch-applied', results: [{ is: 'done' }] },
      { type: 'queue-changed', election: 'e' },
    ])
    expect(results(log.batch('a1', { type: 'leave', election: 'e' }))).toEqual([{ is: 'was-not-holder' }])
  })

  it.each(['release', 'transfer', 'proclaim'] as const)('%s needs exactly the token', (type) => {
    const log = Log.led('a1', 'b1')
    const token = log.token
    const request = { type, election: 'e', to: 'b', metadata: {} }
    expect(results(log.batch('a1', { ...request, token: token + 1n }))).toEqual([{ is: 'was-not-holder' }])
    expect(results(log.batch('b1', { ...request, token }))).toEqual([{ is: 'was-not-holder' }])
    expect(results(log.batch('b1', { ...request, token, election: 'x' }))).toEqual([{ is: 'was-not-holder' }])
    expect(log.token).toBe(token)
    expect(results(log.batch('a1', { ...request, token }))).toEqual([{ is: 'done' }])
  })

  it('transfer puts its target before all others, until the next grant', () => {
    const log = Log.led('a1', 'b1', 'c1')
    const events = log.batch('a1', { type: 'transfer', election: 'e', token: log.token, to: 'c' })
    expect(events).toMatchObject([{ type: 'freed', reason: 'transferred' }, {}, { type: 'queue-changed' }])
    expect(log.waiting).toEqual(['c1', 'b1'])
    expect(aheadOf(log.registry, 'e', 'b1')).toBe(1)
    expect(nextWinner(log.registry, 'e', everybody)).toBe('c1')
    // A silent target is passed by, and the preference ends with the grant that did so.
    expect(nextWinner(log.registry, 'e', (session) => session !== 'c1')).toBe('b1')
    log.grant('b1')
    log.open('d1')
    log.campaign('d1', 'e', { priority: 1 })
    expect(log.waiting).toEqual(['d1', 'c1'])
  })

  it('check-transfer answers as transfer would, and changes nothing', () => {
    const log = Log.led('a1', 'b1')
    const { token } = log
    const check = (to: string, by = token): SessionRequest => ({
      type: 'check-transfer',
      election: 'e',
      token: by,
      to,
    })
    const events = log.batch('a1', check('b'), check('x'), check('b', token + 1n))
    expect(events).toEqual([
      {
        type: 'batch-applied',
        session: 'a1',
        number: 2,
        results: [{ is: 'done' }, { is: 'no-such-candidate' }, { is: 'was-not-holder' }],
      },
    ])
    expect(log.holder).toBe('a1')
  })

  it('transfer drops the preference when the target leaves, so that coming back is standing at the end', () => {
    const log = Log.led('a1', 'b1', 'c1')
    log.batch('a1', { type: 'transfer', election: 'e', token: log.token, to: 'c' })
    log.batch('c1', { type: 'leave', election: 'e' }, campaign('e'))
    expect(log.waiting).toEqual(['b1', 'c1'])
  })

  it.each(['x', 'a', 'd'])('transfer to %s, who does not wait, changes nothing', (to) => {
    const log = Log.led('a1', 'b1')
    log.open('d1')
    const request: SessionRequest = { type: 'transfer', election: 'e', token: log.token, to }
    expect(log.batch('a1', request)).toEqual([
      { type: 'batch-applied', session: 'a1', number: 2, results: [{ is: 'no-such-candidate' }] },
    ])
    expect(log.holder).toBe('a1')
  })

  it('proclaim changes what is published, not the token', () => {
    const log = Log.led('a1')
    const token = log.token
    const events = log.batch('a1', { type: 'proclaim', election: 'e', token, metadata: { v: '2' } })
    expect(events[0]).toEqual({ type: 'proclaimed', election: 'e', token, metadata: { v: '2' } })
    expect(electionState(log.registry, 'e')?.holder).toMatchObject({ token, metadata: { v: '2' } })
  })
})

describe('expire, suspect, close', () => {
  /** a1 holds e (time) and t (token), waits for u (token), which b1 holds. */
  function mixed(): Log {
    const log = Log.led('a1', 'b1')
    log.campaign('a1', 't', { exclusivity: 'token' })
    log.grant('a1', 't')
    log.campaign('b1', 'u', { exclusivity: 'token' })
    log.grant('b1', 'u')
    log.campaign('a1', 'u', { exclusivity: 'token' })
    return log
  }

  it.each([
    ['expire', 'expired'],
    ['close', 'closed'],
  ] as const)('%s frees everything in the order of the grants, then ends the session', (type, reason) => {
    const log = mixed()
    expect(log.add({ type, session: 'a1', epoch: 1 })).toMatchObject([
      { type: 'freed', election: 'e', session: 'a1', reason },
      { type: 'freed', election: 't', session: 'a1', reason },
      { type: 'session-closed', session: 'a1', reason },
      { type: 'queue-changed', election: 'e' },
    ])
    expect(log.registry.sessions.has('a1')).toBe(false)
    expect(electionState(log.registry, 'u')?.waiting).toEqual([])
    expect(electionState(log.registry, 'e')?.lastReason).toBe(reason)
    expect(log.add({ type, session: 'a1', epoch: 1 })).toEqual([])
  })

  it('suspect frees only what the token protects (A6) and keeps the places in the queues', () => {
    const log = mixed()
    expect(log.add({ type: 'suspect', session: 'a1', epoch: 1 })).toMatchObject([
      { type: 'freed', election: 't', reason: 'suspected' },
    ])
    expect(log.holder).toBe('a1')
    expect(sessionState(log.registry, 'a1')).toMatchObject({ waits: [{ election: 'u', ahead: 1 }] })
  })

  it.each(['expire', 'suspect'] as const)('%s of another epoch does nothing', (type) => {
    const log = mixed()
    log.add({ type: 'reopen', session: 'a1', epoch: 1 })
    expect(log.add({ type, session: 'a1', epoch: 1 })).toEqual([])
    expect(log.add({ type, session: 'a1', epoch: 3 })).toEqual([])
  })
})

describe('what is kept', () => {
  it('an election lives as long as somebody holds it or waits; its tokens grow on all the same', () => {
    const log = Log.led('a1')
    const first = log.token
    expect(electionState(log.registry, 'e')).toMatchObject({ lastReason: null, sinceIndex: 3 })
    log.batch('a1', { type: 'release', election: 'e', token: first })
    expect(electionState(log.registry, 'e')).toBeNull()
    expect(log.registry.elections.size).toBe(0)
    log.campaign('a1')
    log.grant('a1')
    expect(log.token > first).toBe(true)
  })

  it('vacant elections are known without a search, in the order in which they came to be vacant', () => {
    const log = new Log()
    log.open('a1')
    log.open('b1')
    log.batch('a1', campaign('f'), campaign('e'), campaign('g'))
    expect([...vacantElections(log.registry)]).toEqual(['f', 'e', 'g'])
    log.grant('a1', 'e')
    log.batch('a1', { type: 'leave', election: 'g' })
    expect([...vacantElections(log.registry)]).toEqual(['f'])
    log.campaign('b1', 'e')
    log.add({ type: 'close', session: 'a1' })
    expect([...vacantElections(log.registry)]).toEqual(['e'])
  })

  it('a clone goes its own way', () => {
    const log = Log.led('a1', 'b1')
    const clone = cloneRegistry(log.registry)
    apply(clone, 99, { type: 'close', session: 'a1' })
    apply(clone, 100, { type: 'grant', grants: [{ election: 'e', session: 'b1' }] })
    expect(log.holder).toBe('a1')
    expect(log.waiting).toEqual(['b1'])
    expect(clone.elections.get('e')?.holder?.session).toBe('b1')
  })
})
