import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it } from 'vitest'
import { isMandateError, MandateError } from '../errors.ts'
import { fakeLeaseServer } from '../testing/fake-lease-store.ts'
import type { Fate, FakeRequest } from '../testing/fake-lease-store.ts'
import { manualClock } from '../testing/manual-clock.ts'
import type { ManualClock } from '../testing/manual-clock.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import type { BackgroundFailure, CandidacyEvents, CandidacyRequest, LeaseRecord } from './backend.ts'
import { leaseObserver, leaseSession } from './lease-session.ts'

const timing = { leaseMs: 900, maxClockDrift: 0.01, tickMs: 1 }
/** By hand: 900 x 0.99 - 1 and 900 x 1.01 + 1. */
const VALIDITY_MS = 890
const SILENCE_MS = 910

const billing: CandidacyRequest = { election: 'billing', exclusivity: 'time', priority: 0, metadata: {} }

function world() {
  const clock = manualClock()
  const server = fakeLeaseServer(clock)
  let seed = 1
  const open = (id: string, options: { watch?: boolean; machine?: ManualClock; pollMs?: number } = {}) => {
    const { watch = false, machine = clock.sibling(), pollMs } = options
    const failures: BackgroundFailure[] = []
    const env = {
      clock: machine,
      random: seededRandom(seed++),
      report: (f: BackgroundFailure) => failures.push(f),
    }
    const session = leaseSession(
      server.connect(id, { watch, clock: machine }),
      env,
      { candidateId: id },
      { timing, ...(pollMs !== undefined && { pollMs }) },
    )
    const stand = (request: Partial<CandidacyRequest> = {}) => {
      const heard: string[] = []
      const hooks: Partial<CandidacyEvents> = {}
      const on: CandidacyEvents = {
        waiting: (ahead) => {
          heard.push(`waiting ${ahead}`)
          hooks.waiting?.(ahead)
        },
        won: (grant) => {
          heard.push(`won ${grant.token} @${clock.trueMs()}`)
          hooks.won?.(grant)
        },
        renewed: (renewal) => hooks.renewed?.(renewal),
        ended: (end) => {
          heard.push(`ended ${end.reason} @${clock.trueMs()}`)
          hooks.ended?.(end)
        },
      }
      const candidacy = session.enter({ ...billing, ...request }, on)
      return { candidacy, heard, hooks }
    }
    return { session, clock: machine, failures, stand }
  }
  return { clock, server, open, run: (ms: number) => clock.advanceAsync(ms) }
}

/** Applies a fate to the requests that match, `times` times; all others go well. */
function once(matches: (request: FakeRequest) => boolean, fate: Fate, times = 1) {
  let left = times
  return (request: FakeRequest): Fate => (matches(request) && left-- > 0 ? fate : {})
}

const writes = (request: FakeRequest) => request.kind === 'write'

/** What a promise came to by now; `pending` if nothing. */
async function state<Value>(promise: Promise<Value>): Promise<Value | 'pending'> {
  await new Promise((resolve) => setImmediate(resolve))
  return Promise.race([promise, Promise.resolve('pending' as const)])
}

const foreign: LeaseRecord = {
  holder: 'z',
  incarnation: 'z1',
  leaseMs: 900,
  transitions: 3,
  exclusivity: 'time',
  metadata: {},
}

describe('a candidacy on a lease store', () => {
  it('wins a free election, renews, and keeps its token', async () => {
    const { server, open, run } = world()
    const { heard } = open('a').stand()
    expect(heard).toEqual([])
    await run(5_000)
    expect(heard).toEqual(['won 1 @0'])
    expect(server.applied.length).toBeGreaterThan(10)
    expect(new Set(server.applied.map(({ token }) => token))).toEqual(new Set([1n]))
  })

  it('lets one of several win; the next follows at once after a release, with a higher token', async () => {
    const { open, run } = world()
    const a = open('a', { watch: true }).stand()
    const b = open('b', { watch: true }).stand()
    const c = open('c', { watch: true }).stand()
    await run(2_000)
    expect(a.heard).toEqual(['won 1 @0'])
    expect([b.heard, c.heard]).toEqual([['waiting undefined'], ['waiting undefined']])
    const left = a.candidacy.leave({})
    await run(1)
    expect(await state(left)).toBe('left')
    const won = [...b.heard, ...c.heard].filter((line) => line.startsWith('won'))
    expect(won).toHaveLength(1)
    expect(won[0]).toMatch(/^won \d+ @2000$/)
    expect(a.heard).toEqual(['won 1 @0'])
  })

  it('takes over from a dead holder after its silence', async () => {
    const { server, open, run } = world()
    server.force('billing', foreign)
    const a = open('a', { pollMs: 100_000 }).stand()
    await run(SILENCE_MS - 1)
    expect(a.heard).toEqual(['waiting undefined'])
    await run(1)
    expect(a.heard[1]).toBe(`won 2 @${SILENCE_MS}`)
  })

  it('ends at its deadline when the store is down, and its record is free to others no sooner', async () => {
    const { server, open, run } = world()
    const a = open('a')
    const standing = a.stand()
    const b = open('b').stand()
    await run(100)
    const lastSent = server.applied.at(-1)?.atMs ?? 0
    server.fate = ({ client }) => (client === 'a' ? { lost: 'request' } : {})
    await run(5_000)
    expect(standing.heard).toEqual(['won 1 @0', `ended expired @${lastSent + VALIDITY_MS}`])
    const wonAt = Number(b.heard.at(-1)?.split('@')[1])
    expect(wonAt).toBeGreaterThanOrEqual(lastSent + SILENCE_MS)
    expect(a.failures).toEqual([])
    expect(a.clock.pendingTimers()).toBe(0)
  })

  it('counts the deadline from before the request was sent', async () => {
    const { server, open, run } = world()
    const a = open('a').stand()
    server.fate = once(writes, { toServerMs: 10, toClientMs: 200 })
    await run(210)
    server.fate = () => ({ lost: 'request' })
    await run(5_000)
    expect(a.heard).toEqual(['won 1 @210', `ended expired @${VALIDITY_MS}`])
  })

  it('survives a renewal whose reply is lost, and one that is refused', async () => {
    const { server, open, run } = world()
    const a = open('a')
    const standing = a.stand()
    await run(100)
    server.fate = once(writes, { lost: 'answer' })
    await run(900)
    server.fate = once(writes, { refused: new Error('quota') })
    await run(900)
    server.fate = once(writes, { lost: 'request' })
    await run(3_000)
    expect(standing.heard).toEqual(['won 1 @0'])
    expect(a.failures).toHaveLength(1)
  })

  it('tells of each renewal that has to read its record first, and of no other', async () => {
    const { server, open, run } = world()
    const slow: unknown[] = []
    const hear = (message: unknown): void => void slow.push(message)
    subscribe('mandate:slow-renewal', hear)
    try {
      open('a').stand()
      await run(2_000)
      server.fate = once(writes, { refused: new Error('quota') })
      await run(900)
      expect(slow).toEqual([])
      server.fate = once(writes, { lost: 'answer' })
      await run(2_000)
      expect(slow).toEqual([{ election: 'billing', candidateId: 'a' }])
    } finally {
      unsubscribe('mandate:slow-renewal', hear)
    }
  })

  it('goes on after a conflict with an operator who kept it in place, ends at once if he did not', async () => {
    const { server, open, run } = world()
    const a = open('a').stand()
    await run(100)
    const mine = server.record('billing')
    if (mine === null) throw new Error('no record')
    server.force('billing', { ...mine, metadata: { note: 'by hand' } })
    await run(1_000)
    expect(a.heard).toEqual(['won 1 @0'])
    server.force('billing', foreign)
    await run(300)
    expect(a.heard[1]).toMatch(/^ended revoked/)
  })

  it('hears of another holder through the watch, long before its next renewal', async () => {
    const { server, open, run } = world()
    const a = open('a', { watch: true }).stand()
    await run(10)
    server.force('billing', foreign)
    await run(0)
    expect(a.heard).toEqual(['won 1 @0', 'ended revoked @10'])
  })

  it('ends when the machine slept past its deadline', async () => {
    const { open, clock } = world()
    const a = open('a')
    const standing = a.stand()
    await clock.advanceAsync(10)
    await a.clock.suspendAsync(60_000)
    await clock.advanceAsync(300)
    expect(standing.heard[1]).toMatch(/^ended suspended/)
  })

  it('reads what arrived during a stall before it takes over', async () => {
    const { server, open, run } = world()
    const a = open('a').stand()
    await run(100)
    const b = open('b', { watch: true })
    const waiting = b.stand()
    await run(500)
    await b.clock.stallAsync(5_000)
    await run(50)
    expect(waiting.heard).toEqual(['waiting undefined'])
    expect(a.heard).toEqual(['won 1 @0'])
    // Its timer was due long ago, but so was the watch's news: it does not even try.
    expect(server.requests.filter(({ client, kind }) => client === 'b' && kind === 'write')).toEqual([])
  })

  it('reads an answer that arrived during a stall before it calls the request lost', async () => {
    const { server, open, run } = world()
    server.fate = once(writes, { toClientMs: 10 })
    const a = open('a')
    const standing = a.stand()
    await run(0)
    await a.clock.stallAsync(500)
    await run(0)
    expect(standing.heard).toEqual(['won 1 @500'])
    expect(server.requests.map(({ kind }) => kind)).toEqual(['read', 'write', 'write'])
  })

  it('never takes over by a forward step of its wall clock', async () => {
    const { server, open, run } = world()
    server.force('billing', foreign)
    const a = open('a')
    const standing = a.stand()
    await run(10)
    a.clock.stepWall(3_600_000)
    await run(SILENCE_MS - 11)
    expect(standing.heard).toEqual(['waiting undefined'])
  })
})

describe('leaving', () => {
  it('undoes a win that raced the cancel', async () => {
    const { server, open, run } = world()
    const a = open('a')
    server.fate = once(writes, { toServerMs: 50, toClientMs: 50 })
    const standing = a.stand()
    await run(20)
    const left = standing.candidacy.leave({})
    await run(200)
    expect(await state(left)).toBe('left')
    expect(standing.heard).toEqual([])
    expect(server.record('billing')).toMatchObject({ holder: '', transitions: 1 })
    expect(a.clock.pendingTimers()).toBe(0)
  })

  it('undoes a win whose reply was lost', async () => {
    const { server, open, run } = world()
    server.fate = once(writes, { lost: 'answer' })
    const standing = open('a').stand()
    await run(0)
    const left = standing.candidacy.leave({})
    await run(400)
    expect(await state(left)).toBe('left')
    expect(server.record('billing')?.holder).toBe('')
  })

  it('bars a win that lands after everybody stopped listening', async () => {
    const { server, open, run } = world()
    server.fate = once(writes, { toServerMs: 2_000 })
    const standing = open('a').stand()
    await run(0)
    const left = standing.candidacy.leave({})
    await run(400)
    expect(await state(left)).toBe('left')
    await run(5_000)
    expect(server.record('billing')?.holder).toBe('')
    expect(server.applied.map(({ record }) => record.holder)).toEqual([''])
  })

  it('tells of no win when it is called from inside the first event', async () => {
    const { server, open, run } = world()
    const a = open('a')
    const standing = a.stand()
    standing.hooks.won = () => {
      server.fate = once(writes, { toServerMs: 50 })
      void standing.candidacy.leave({})
    }
    await run(10)
    // The release's time-out, and no timer of a holder.
    expect(a.clock.pendingTimers()).toBe(1)
    await run(2_000)
    expect(standing.heard).toEqual(['won 1 @0'])
    expect(server.record('billing')?.holder).toBe('')
    expect(a.clock.pendingTimers()).toBe(0)
  })

  it('says that it was not the holder when the loss came first', async () => {
    const { server, open, run } = world()
    const a = open('a').stand()
    await run(10)
    server.force('billing', foreign)
    const left = a.candidacy.leave({})
    await run(10)
    expect(await state(left)).toBe('was-not-holder')
    expect(server.record('billing')).toEqual(foreign)
    expect(await a.candidacy.leave({})).toBe('was-not-holder')
    expect(a.heard).toEqual(['won 1 @0'])
  })

  it('resolves `unknown` at once when its signal aborts, and leaves no timer', async () => {
    const { server, open, run } = world()
    const a = open('a')
    const standing = a.stand()
    await run(10)
    server.fate = () => ({ lost: 'request' })
    const abort = new AbortController()
    const left = standing.candidacy.leave({ signal: abort.signal })
    await run(10)
    expect(await state(left)).toBe('pending')
    abort.abort()
    expect(await state(left)).toBe('unknown')
    expect(a.clock.pendingTimers()).toBe(0)
  })

  it('settles by itself when the store is gone for good', async () => {
    const { server, open, run } = world()
    const standing = open('a').stand()
    await run(10)
    server.fate = () => ({ lost: 'request' })
    const left = standing.candidacy.leave({})
    await run(5_000)
    expect(await state(left)).toBe('unknown')
  })

  it('refuses a second candidacy for the same election, and takes one after the leave, with a new token', async () => {
    const { server, open, run } = world()
    const a = open('a')
    const first = a.stand()
    expect(() => a.stand()).toThrow("'a' already stands in election 'billing'")
    await run(10)
    // Entered before the release is through: it waits for it, and never takes the older one's record for its own.
    server.fate = once(writes, { toServerMs: 50 })
    const left = first.candidacy.leave({})
    const second = a.stand()
    await run(1_000)
    expect(await state(left)).toBe('left')
    expect(second.heard).toEqual(['won 3 @60'])
  })

  it('takes its own leftover anew, without waiting, when an earlier leave was given up', async () => {
    const { server, open, run } = world()
    const a = open('a')
    const first = a.stand()
    await run(10)
    server.fate = () => ({ lost: 'request' })
    const abort = new AbortController()
    const left = first.candidacy.leave({ signal: abort.signal })
    abort.abort()
    expect(await state(left)).toBe('unknown')
    server.fate = () => ({})
    const second = a.stand()
    await run(10)
    expect(second.heard).toEqual(['won 2 @10'])
  })
})

describe('a restart and a namesake', () => {
  it('waits for the lease of its own former life, and gets a new token', async () => {
    const { server, open, run } = world()
    const before = open('a')
    before.stand()
    await run(100)
    const wroteAt = server.applied.at(-1)?.atMs ?? 0
    // kill -9: nothing of it runs any more.
    before.clock.rate = 1e-9
    const after = open('a').stand()
    await run(SILENCE_MS - 1)
    expect(after.heard).toEqual(['waiting undefined'])
    await run(400)
    expect(after.heard[1]).toMatch(/^won 2 @/)
    expect(Number(after.heard[1]?.split('@')[1])).toBeGreaterThanOrEqual(wroteAt + SILENCE_MS)
  })

  it('is refused with DUPLICATE_ID beside a namesake that renews', async () => {
    const { open, run } = world()
    open('a').stand()
    await run(10)
    const twin = open('a').stand()
    let cause: unknown
    twin.hooks.ended = (end) => (cause = end.cause)
    await run(3_000)
    expect(twin.heard[1]).toMatch(/^ended refused/)
    expect(isMandateError(cause, 'DUPLICATE_ID')).toBe(true)
  })

  it('stands again without rights where it had them before: only who never had any is refused', async () => {
    const { server, open, run } = world()
    const a = open('a')
    const first = a.stand()
    await run(1_000)
    const refused = new MandateError('FORBIDDEN', 'rights are gone', { reason: 'rights are gone' })
    server.fate = () => ({ refused })
    await run(2_000)
    expect(first.heard[1]).toMatch(/^ended expired/)
    const again = a.stand()
    const newcomer = open('b').stand()
    await run(2_000)
    expect(newcomer.heard[0]).toMatch(/^ended refused/)
    expect(again.heard).toEqual([])
    server.fate = () => ({})
    await run(5_000)
    expect(again.heard[0]).toMatch(/^won \d+/)
  })

  it('is refused by an election of the other exclusivity', async () => {
    const { open, run } = world()
    open('a').stand()
    await run(10)
    const other = open('b').stand({ exclusivity: 'token' })
    await run(10)
    expect(other.heard).toEqual(['ended refused @10'])
  })
})

describe('transfer and proclaim', () => {
  it('hands over to the candidate named, though others ask first', async () => {
    const { open, run } = world()
    const a = open('a').stand()
    const b = open('b', { watch: true }).stand()
    const c = open('c', { pollMs: 200 }).stand()
    await run(1_000)
    const done = a.candidacy.transfer('c', {})
    expect(a.heard[1]).toBe('ended transferred @1000')
    await run(1_000)
    expect(await state(done)).toBe('done')
    expect(c.heard[1]).toMatch(/^won/)
    expect(b.heard).toEqual(['waiting undefined'])
  })

  it('refuses a transfer to itself and without the lead', async () => {
    const { open, run } = world()
    const a = open('a').stand()
    expect(await a.candidacy.transfer('b', {})).toBe('refused')
    await run(10)
    expect(await a.candidacy.transfer('a', {})).toBe('refused')
    expect(a.heard).toEqual(['won 1 @0'])
  })

  it('publishes metadata while it leads, and only then', async () => {
    const { server, open, run } = world()
    const a = open('a').stand({ metadata: { v: '0' } })
    expect(await a.candidacy.proclaim({ v: '1' }, {})).toBe('was-not-holder')
    await run(10)
    const done = a.candidacy.proclaim({ v: '2' }, {})
    await run(10)
    expect(await state(done)).toBe('done')
    expect(server.record('billing')).toMatchObject({ metadata: { v: '2' }, transitions: 1 })
    server.fate = () => ({ lost: 'request' })
    const pending = a.candidacy.proclaim({ v: '3' }, {})
    const abort = new AbortController()
    const cancelled = a.candidacy.proclaim({ v: '4' }, { signal: abort.signal })
    abort.abort()
    expect(await state(cancelled)).toBe('unknown')
    await run(5_000)
    expect(await state(pending)).toBe('was-not-holder')
  })
})

describe('observing', () => {
  function watcher() {
    const heard: string[] = []
    return {
      heard,
      led: (leader: { id: string; token: bigint }) => void heard.push(`${leader.id} ${leader.token}`),
      vacant: () => void heard.push('vacant'),
      unknown: () => void heard.push('unknown'),
    }
  }

  it('tells the present state, then each change once', async () => {
    const { open, run } = world()
    const seen = watcher()
    open('o', { pollMs: 50 }).session.observe('billing', seen)
    expect(seen.heard).toEqual([])
    await run(100)
    const a = open('a').stand()
    await run(1_000)
    void a.candidacy.leave({})
    await run(100)
    open('b').stand()
    await run(1_000)
    expect(seen.heard).toEqual(['vacant', 'a 1', 'vacant', expect.stringMatching(/^b \d+$/)])
  })

  it('gives a later observer of the same session the present state at once', async () => {
    const { open, run } = world()
    open('a').stand()
    await run(10)
    const { session } = open('o')
    session.observe('billing', watcher())
    await run(10)
    const late = watcher()
    session.observe('billing', late)
    expect(late.heard).toEqual([])
    await run(0)
    expect(late.heard).toEqual(['a 1'])
  })

  it('says unknown when it cannot ask, and comes back', async () => {
    const { server, open, run } = world()
    open('a').stand()
    await run(10)
    const seen = watcher()
    open('o').session.observe('billing', seen)
    await run(10)
    server.fate = ({ client }) => (client === 'o' ? { lost: 'request' } : {})
    await run(2_000)
    server.fate = () => ({})
    await run(2_000)
    expect(seen.heard).toEqual(['a 1', 'unknown', 'a 1'])
  })

  it('takes a leader that fell silent for gone', async () => {
    const { server, open, run } = world()
    server.force('billing', foreign)
    const seen = watcher()
    open('o').session.observe('billing', seen)
    await run(SILENCE_MS - 1)
    expect(seen.heard).toEqual(['z 1'])
    await run(400)
    expect(seen.heard).toEqual(['z 1', 'vacant'])
  })

  it('reads once more when a change was hinted at while it read', async () => {
    const { server, open, run } = world()
    const seen = watcher()
    open('o', { watch: true, pollMs: 100_000 }).session.observe('billing', seen)
    await run(10)
    server.fate = once(({ kind }) => kind === 'read', { toClientMs: 50 })
    server.force('billing', foreign)
    await run(10)
    server.force('billing', { ...foreign, holder: 'y', transitions: 4 })
    await run(100)
    expect(seen.heard).toEqual(['vacant', 'z 1', 'y 2'])
  })

  it('never goes back to an older leader, whatever a lagging replica shows', async () => {
    const { server, open, clock, run } = world()
    open('a').stand()
    await run(10)
    const env = { clock, random: seededRandom(9), report: () => undefined }
    const store = server.connect('o')
    let lagging = false
    const observer = leaseObserver(
      {
        ...store,
        read: async (name, o) => {
          const found = await store.read(name, o)
          return lagging ? { record: foreign, version: -1, token: 0n } : found
        },
      },
      env,
      { timing },
    )
    const seen = watcher()
    observer.observe('billing', seen)
    await run(100)
    lagging = true
    await run(2_000)
    lagging = false
    await run(1_000)
    expect(seen.heard).toEqual(['a 1'])
    await observer.close()
    expect(clock.pendingTimers()).toBe(0)
  })

  it('hears changes through the watch, and goes on when the watch breaks', async () => {
    const { server, open, run } = world()
    const o = open('o', { watch: true })
    const seen = watcher()
    o.session.observe('billing', seen)
    await run(10)
    server.force('billing', foreign)
    await run(0)
    expect(seen.heard).toEqual(['vacant', 'z 1'])
    server.breakWatches()
    await run(0)
    server.force('billing', { ...foreign, holder: 'y', transitions: 4 })
    await run(500)
    expect(seen.heard.at(-1)).toBe('y 2')
    expect(server.watching()).toBe(1)
    expect(o.failures.map(({ during }) => during)).toEqual(['watch of billing'])
  })
})

describe('a session', () => {
  it('carries many elections and closes them all, without a timer or a watch left', async () => {
    const { server, open, run } = world()
    const a = open('a', { watch: true })
    const standing = ['x', 'y', 'z'].map((election) => a.stand({ election }))
    a.session.observe('x', { led: () => undefined, vacant: () => undefined, unknown: () => undefined })
    await run(100)
    expect(standing.map(({ heard }) => heard.length)).toEqual([1, 1, 1])
    expect(server.watching()).toBe(3)
    const closed = a.session.close({}).then(() => 'closed')
    await run(10)
    expect(await state(closed)).toBe('closed')
    expect(['x', 'y', 'z'].map((election) => server.record(election)?.holder)).toEqual(['', '', ''])
    expect(a.clock.pendingTimers()).toBe(0)
    expect(server.watching()).toBe(0)
    expect(() => a.stand()).toThrow('closed')
  })

  it('closes within its signal when the store is down', async () => {
    const { server, open, run } = world()
    const a = open('a')
    const standing = a.stand()
    await run(10)
    server.fate = () => ({ lost: 'request' })
    void standing.candidacy.transfer('b', {})
    const abort = new AbortController()
    const closed = a.session.close({ signal: abort.signal }).then(() => 'closed')
    await run(10)
    expect(await state(closed)).toBe('pending')
    abort.abort()
    expect(await state(closed)).toBe('closed')
    expect(a.clock.pendingTimers()).toBe(0)
  })

  it('survives a callback that throws, and reports it', async () => {
    const { open, run } = world()
    const a = open('a')
    const standing = a.stand()
    standing.hooks.won = () => {
      throw new Error('mine')
    }
    await run(3_000)
    expect(standing.heard).toEqual(['won 1 @0'])
    expect(a.failures).toEqual([{ during: 'candidacy event', error: new Error('mine') }])
  })

  it('refuses a lease too short for its clocks, naming the fix', () => {
    const { clock, server } = world()
    const env = { clock, random: seededRandom(1), report: () => undefined }
    const open = (leaseMs: number, pollMs?: number) =>
      leaseSession(
        server.connect('a'),
        env,
        { candidateId: 'a', leaseMs },
        { timing, ...(pollMs !== undefined && { pollMs }) },
      )
    expect(() => open(2)).toThrow('leaseMs is 2 with')
    expect(() => open(0)).toThrow('leaseMs is 0')
    expect(() => open(900, 0)).toThrow('pollMs is 0')
  })
})
