/** Orders of events that a real Consul gives too seldom; what it does in the end is in `test/servers/consul`. */
import { describe, expect, it } from 'vitest'
import { MemoryConsul } from '../../testing/memory-consul.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import { LOCK_FLAG } from '../../fencing/consul/lock-value.ts'
import type { BackendEnv, CandidacyRequest } from '../backend.ts'
import { ConsulApi } from './api.ts'
import type { ConsulRequest } from './http.ts'
import { observeKey } from './observer.ts'
import { consulSettings } from './options.ts'
import { ConsulSession } from './session.ts'
import { Watches } from './watches.ts'

const timing = { leaseMs: 10_000, maxClockDrift: 0.001, tickMs: 1 }
const settings = consulSettings({ prefix: 'p' })
const key = 'p/job/.lock'
const request: CandidacyRequest = { election: 'job', exclusivity: 'time', priority: 0, metadata: {} }

/** Of candidates in one process, which share its watches. */
function world() {
  const clock = manualClock()
  const consul = new MemoryConsul(clock)
  const env: BackendEnv = { clock, random: seededRandom(1), report: () => undefined }
  const api = new ConsulApi(consul.http)
  const watches = new Watches({ api, env, root: 'p/', waitMs: 10_000 })
  const host = { api, env, settings, watches }
  /** Settles as the clock advances. */
  const begin = (candidateId: string) =>
    ConsulSession.open(
      {
        ...host,
        ...{ timing, scope: 's', candidateId, ttlMs: 10_000, checkMs: undefined, closed: () => undefined },
      },
      {},
    )
  const open = async (candidateId: string) => {
    const opening = begin(candidateId)
    await clock.advanceAsync(1)
    const session = await opening
    const enter = () => {
      const heard: string[] = []
      const candidacy = session.enter(request, {
        waiting: () => undefined,
        won: ({ token }) => void heard.push(`won ${token}`),
        renewed: () => undefined,
        ended: ({ reason }) => void heard.push(`ended ${reason}`),
      })
      return { candidacy, heard }
    }
    return { session, enter }
  }
  return { clock, consul, host, begin, open }
}

const isTransaction =
  (verb: string) =>
  ({ body = '' }: ConsulRequest) =>
    body.includes(`"Verb":"${verb}"`) ? ('request' as const) : undefined

describe('a candidacy that is left', () => {
  it('while it waits for the one before it lets nobody in before that one is given back', async () => {
    const { clock, consul, open } = world()
    const a = await open('a')
    const first = a.enter()
    await clock.advanceAsync(10)
    const [won] = first.heard
    expect(won).toMatch(/^won \d+$/)
    consul.holds = isTransaction('unlock')
    void first.candidacy.leave({})
    await clock.advanceAsync(10)
    await a.enter().candidacy.leave({})
    const third = a.enter()
    await clock.advanceAsync(100)
    // The key is still that of the first: whoever led by it would have an old token, and lose it when it is given back.
    expect(third.heard).toEqual([])
    consul.holds = () => undefined
    consul.deliver()
    await clock.advanceAsync(5000)
    expect(third.heard).toHaveLength(1)
    expect(Number(third.heard[0]?.slice(4))).toBeGreaterThan(Number(won?.slice(4)))
  })

  it('leaves no request behind that takes the key when it has been deleted', async () => {
    const { clock, consul, open } = world()
    const a = await open('a')
    consul.holds = ({ path }) => (path === '/v1/txn' ? 'request' : undefined)
    const only = a.enter()
    await clock.advanceAsync(10)
    consul.holds = () => undefined
    // As `consul lock` does: it makes the key, and deletes it when it ends.
    consul.put(key, { Session: 'another', Flags: LOCK_FLAG })
    await clock.advanceAsync(5000)
    expect(await only.candidacy.leave({})).toBe('left')
    consul.put(key, undefined)
    consul.deliver()
    await clock.advanceAsync(10)
    expect(consul.entry(key)?.Session).toBeUndefined()
    expect(only.heard).toEqual([])
  })

  it('leaves no request behind that takes the key as it was', async () => {
    const { clock, consul, open } = world()
    const a = await open('a')
    consul.put(key, { Flags: LOCK_FLAG })
    consul.holds = isTransaction('lock')
    const only = a.enter()
    await clock.advanceAsync(10)
    consul.holds = () => undefined
    const left = only.candidacy.leave({})
    await clock.advanceAsync(5000)
    expect(await left).toBe('left')
    consul.deliver()
    await clock.advanceAsync(10)
    expect(consul.entry(key)?.Session).toBeUndefined()
  })
})

it('a session of the same candidate id has its whole time again when the servers elect a leader', async () => {
  const { clock, consul, begin, open } = world()
  await open('a')
  let refused: unknown
  const second = begin('a').catch((error: unknown) => (refused = error))
  await clock.advanceAsync(15_000)
  consul.leader = '127.0.0.1:2'
  // It would be taken for alive after twice 10 s and a little.
  await clock.advanceAsync(15_000)
  expect(refused).toBeUndefined()
  await clock.advanceAsync(10_000)
  await second
  expect(refused).toMatchObject({ code: 'DUPLICATE_ID' })
})

describe('a watch', () => {
  it('goes on for whoever came while the first who asked for it left', async () => {
    const { clock, consul, host } = world()
    const seen: string[] = []
    const on = (name: string) => ({
      led: () => void seen.push(`${name} led`),
      vacant: () => void seen.push(`${name} vacant`),
      unknown: () => void seen.push(`${name} unknown`),
    })
    const first = observeKey(host, 'job', on('first'))
    consul.holds = ({ lane }) => (lane === 'work' ? 'request' : undefined)
    const second = observeKey(host, 'job', on('second'))
    await clock.advanceAsync(10)
    first.close()
    await clock.advanceAsync(10)
    consul.holds = () => undefined
    consul.deliver()
    await clock.advanceAsync(10)
    expect(seen).toEqual(['first vacant', 'second vacant'])
    consul.put(key, { Session: 'x', Flags: LOCK_FLAG, Value: btoa('host-1') })
    await clock.advanceAsync(10)
    expect(seen.at(-1)).toBe('second led')
    second.close()
  })

  it('tells whoever came late what the others were told while it asked', async () => {
    const { clock, consul, host } = world()
    const seen: string[] = []
    const first = observeKey(host, 'job', {
      led: () => undefined,
      vacant: () => undefined,
      unknown: () => undefined,
    })
    await clock.advanceAsync(10)
    consul.holds = ({ lane }) => (lane === 'work' ? 'answer' : undefined)
    const second = observeKey(host, 'job', {
      led: ({ id }) => void seen.push(id),
      vacant: () => void seen.push('vacant'),
      unknown: () => void seen.push('unknown'),
    })
    await clock.advanceAsync(10)
    // Its own reading shows the time before; the query of the first tells of the change while that is on its way.
    consul.put(key, { Session: 'x', Flags: LOCK_FLAG, Value: btoa('host-1') })
    await clock.advanceAsync(10)
    consul.holds = () => undefined
    consul.deliver()
    await clock.advanceAsync(10)
    expect(seen.at(-1)).toBe('host-1')
    first.close()
    second.close()
  })
})

it('a foreign holder is asked for once, however often the prefix changes', async () => {
  const { clock, consul, host } = world()
  let asked = 0
  consul.holds = ({ path }) => {
    if (path.startsWith('/v1/session/info')) asked++
    return undefined
  }
  consul.put(key, { Session: 'x', Flags: LOCK_FLAG })
  const observation = observeKey(host, 'job', {
    led: () => undefined,
    vacant: () => undefined,
    unknown: () => undefined,
  })
  await clock.advanceAsync(10)
  for (let change = 0; change < 5; change++) {
    consul.put('p/other', { Flags: 0n })
    await clock.advanceAsync(10)
  }
  expect(asked).toBe(1)
  observation.close()
})
