import { afterAll, describe, it, vi } from 'vitest'
import { createElection } from '../../election/election.ts'
import { mortalClock, type MortalClock } from '../../../test/integration/mortal-clock.ts'
import { watchSockets } from '../../../test/integration/open-sockets.ts'
import { defineBackend } from '../define-backend.ts'
import type { BackgroundFailure } from '../backend.ts'
import type { ClusterAccess } from './access/access.ts'
import { KubernetesDriver } from './driver.ts'
import { resolvePace, type PaceOptions } from './pace-options.ts'
import { FakeApiServer } from './testing/fake-api-server.ts'

// They mostly wait.
vi.setConfig({ maxConcurrency: 8 })

const sockets = watchSockets()
afterAll(() => sockets.close())

interface Process {
  readonly clock: MortalClock
  readonly failures: BackgroundFailure[]
  election(id: string, name?: string): ReturnType<typeof createElection>
  close(): Promise<void>
}

interface Stage {
  readonly api: FakeApiServer
  process(options?: PaceOptions): Process
  /** Sockets of any process here to the API server. */
  openSockets(): number
  holder(): unknown
  version(): string | undefined
  /** Of Leases; watches are no requests. */
  requests(): readonly string[]
}

/** An API server, and processes that end with the test. */
async function stage(finished: (end: () => Promise<void>) => void): Promise<Stage> {
  const api = await FakeApiServer.start()
  const ends: (() => Promise<void>)[] = [() => api.close()]
  finished(async () => {
    for (const end of ends.toReversed()) await end()
  })
  const lease = () => api.object('billing')
  return {
    api,
    openSockets: () => sockets.to([Number(new URL(api.url).port)]),
    holder: () => lease()?.spec?.['holderIdentity'],
    version: () => lease()?.metadata?.resourceVersion,
    requests: () => api.asked.filter((each) => !/watch|version/.test(each)),
    process: (options = {}) => {
      const started = processOn(api, options)
      ends.push(() => started.close())
      return started
    },
  }
}

function processOn(api: FakeApiServer, options: PaceOptions): Process {
  const clock = mortalClock()
  const failures: BackgroundFailure[] = []
  const pace = resolvePace(options)
  const timing = { leaseMs: pace.leaseMs, maxClockDrift: 0.001, tickMs: 1 }
  const access = (): Promise<ClusterAccess> => Promise.resolve(api.access)
  const names = {
    namespace: undefined,
    lease: undefined,
    lock: 'lease',
    scope: 'test',
    announce: undefined,
  } as const
  const backend = defineBackend(
    (env) => new KubernetesDriver({ access, ...names, timing, pace, tokenBase: 0n }, env),
    { clock, timing, onBackgroundFailure: (failure) => void failures.push(failure) },
  )
  return {
    clock,
    failures,
    election: (id, name = 'billing') => createElection({ name, backend, candidate: { id } }),
    close: () => backend.close(),
  }
}

/** What a foreign candidate writes. */
const held = (by: string, seconds = 15) => ({
  spec: {
    holderIdentity: by,
    leaseDurationSeconds: seconds,
    acquireTime: '2026-11-23T08:00:00.000000Z',
    renewTime: new Date().toISOString().replace('Z', '000Z'),
    leaseTransitions: 3,
  },
})

describe.concurrent('close()', () => {
  it('ends only when every watch has settled and no timer and no connection is left', async ({
    expect,
    onTestFinished,
  }) => {
    const { api, process, openSockets } = await stage(onTestFinished)
    const leader = process()
    const standby = process()
    await leader.election('a').campaign()
    void standby
      .election('b')
      .campaign()
      .catch(() => undefined)
    const controller = new AbortController()
    const observing = standby.election('c').observe({ signal: controller.signal })[Symbol.asyncIterator]()
    expect(await observing.next()).toMatchObject({ value: { type: 'led' } })
    await expect.poll(() => api.watches).toBe(3)
    expect(openSockets()).toBeGreaterThan(2)
    await Promise.all([leader.close(), standby.close()])
    // At this very instant: nothing that a later turn of the event loop would have to tidy up.
    expect(leader.clock.pending() + standby.clock.pending()).toBe(0)
    expect(openSockets()).toBe(0)
  })

  it('waits for the end of one observer too', async ({ expect, onTestFinished }) => {
    const { api, process, openSockets } = await stage(onTestFinished)
    const observer = process()
    const observing = observer.election('c').observe()[Symbol.asyncIterator]()
    await observing.next()
    await expect.poll(() => api.watches).toBe(1)
    await observing.return?.()
    await observer.close()
    expect(observer.clock.pending()).toBe(0)
    expect(openSockets()).toBe(0)
  })

  it('does not wait for an answer that never comes', async ({ expect, onTestFinished }) => {
    const { api, process, openSockets } = await stage(onTestFinished)
    const one = process()
    api.fault = ({ name }) => (name === 'watch' || name === 'billing' ? { is: 'hangs' } : undefined)
    const campaign = one.election('a').campaign()
    await expect.poll(() => api.asked).toContain('GET billing')
    await Promise.all([one.close(), expect(campaign).rejects.toBeDefined()])
    expect(one.clock.pending()).toBe(0)
    expect(openSockets()).toBe(0)
  })
})

/** Renewed every 1.6 s, with attempts of 1.3 s. */
const quick: PaceOptions = { leaseMs: 4000, renewDeadlineMs: 3900, retryMs: 300 }
const patient = { timeout: 20_000 }

describe.concurrent('the requests of a leader', () => {
  it('are one GET and one POST, then one PUT a renewal', async ({ expect, onTestFinished }) => {
    const { process, requests } = await stage(onTestFinished)
    await process(quick).election('a').campaign()
    await expect.poll(requests, patient).toEqual(['GET billing', 'POST ', 'PUT billing', 'PUT billing'])
  })

  it('look once after a conflict, and go on', async ({ expect, onTestFinished }) => {
    const { api, process, requests } = await stage(onTestFinished)
    const leadership = await process(quick).election('a').campaign()
    let conflicts = 1
    api.fault = ({ method }) =>
      method === 'PUT' && conflicts-- > 0 ? { is: 'refused', status: 409 } : undefined
    await expect
      .poll(requests, patient)
      .toEqual(['GET billing', 'POST ', 'PUT billing', 'GET billing', 'PUT billing', 'PUT billing'])
    expect(leadership.isValid()).toBe(true)
  })

  it('survive a storm of conflicts shorter than the deadline, without flooding the server', async ({
    expect,
    onTestFinished,
  }) => {
    const { api, process, version, requests } = await stage(onTestFinished)
    const leadership = await process(quick).election('a').campaign()
    const endMs = performance.now() + 2500
    api.fault = ({ method }) =>
      method === 'PUT' && performance.now() < endMs ? { is: 'refused', status: 409 } : undefined
    const before = version()
    await expect.poll(version, patient).not.toBe(before)
    expect(leadership.isValid()).toBe(true)
    expect(requests().length).toBeLessThan(40)
  })

  it.for([429, 503])(
    'wait as long as %i with Retry-After says, and lose nothing',
    async (status, { expect, onTestFinished }) => {
      const { api, process, version } = await stage(onTestFinished)
      const leadership = await process(quick).election('a').campaign()
      const at: number[] = []
      api.fault = ({ method }) => {
        if (method !== 'PUT' && method !== 'GET') return undefined
        at.push(performance.now())
        return at.length === 1 ? { is: 'refused', status, headers: { 'retry-after': '1' } } : undefined
      }
      const before = version()
      await expect.poll(version, patient).not.toBe(before)
      expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(990)
      expect(leadership.isValid()).toBe(true)
    },
  )

  it('that hang cost one attempt: the next one has a connection of its own', async ({
    expect,
    onTestFinished,
  }) => {
    const { api, process, version, requests } = await stage(onTestFinished)
    const leadership = await process(quick).election('a').campaign()
    let hung = 0
    api.fault = ({ method }) => (method === 'PUT' && hung++ === 0 ? { is: 'hangs' } : undefined)
    const before = version()
    await expect.poll(version, patient).not.toBe(before)
    expect(requests().slice(2)).toEqual(['PUT billing', 'GET billing', 'PUT billing'])
    expect(leadership.isValid()).toBe(true)
  })

  it('whose answer to the acquisition is lost are looked up before it leads, with a new token', async ({
    expect,
    onTestFinished,
  }) => {
    const { api, process, version, requests } = await stage(onTestFinished)
    api.fault = ({ method }) => (method === 'POST' ? { is: 'answer lost' } : undefined)
    const leadership = await process(quick).election('a').campaign()
    expect(requests()).toEqual(['GET billing', 'POST ', 'GET billing', 'PUT billing'])
    expect(leadership.token).toBe(BigInt(version() ?? 0))
  })

  it('of other elections go on when one of them is cancelled', async ({ expect, onTestFinished }) => {
    const { api, process } = await stage(onTestFinished)
    const one = process(quick)
    await one.election('a', 'steady').campaign()
    await expect.poll(() => api.watches).toBe(1)
    api.fault = ({ name }) => (name === 'cancelled' ? { is: 'hangs' } : undefined)
    const controller = new AbortController()
    const campaign = one.election('a', 'cancelled').campaign({ signal: controller.signal })
    await expect.poll(() => api.asked).toContain('GET cancelled')
    controller.abort()
    await expect(campaign).rejects.toMatchObject({ code: 'CANCELLED' })
    const watched = api.asked.filter((each) => each === 'GET watch').length
    const steady = () => api.object('steady')?.metadata?.resourceVersion
    const before = steady()
    await expect.poll(steady, patient).not.toBe(before)
    expect(api.asked.filter((each) => each === 'GET watch')).toHaveLength(watched)
  })
})

describe.concurrent('another holder in the Lease', () => {
  it('ends the leadership at once, although a renewal hangs', async ({ expect, onTestFinished }) => {
    const { api, process, holder, requests } = await stage(onTestFinished)
    const leadership = await process({ leaseMs: 30_000, renewDeadlineMs: 20_000, retryMs: 1000 })
      .election('a')
      .campaign()
    await expect.poll(() => api.watches).toBe(1)
    api.fault = ({ method }) => (method === 'PUT' ? { is: 'hangs' } : undefined)
    await expect.poll(requests, patient).toContain('PUT billing')
    api.force('billing', held('thief'))
    expect(await leadership.lost).toBe('revoked')
    // The hanging renewal would have had more than six seconds.
    expect(leadership.isValid()).toBe(false)
    expect(holder()).toBe('thief')
  })

  it('is left alone while it renews: one GET and one watch, however many of us look', async ({
    expect,
    onTestFinished,
  }) => {
    const { api, process, requests } = await stage(onTestFinished)
    api.force('billing', held('other'))
    const standby = process()
    const election = standby.election('b')
    void election.campaign().catch(() => undefined)
    const states: unknown[] = []
    void (async () => {
      for await (const state of election.observe()) states.push(state.type === 'led' && state.leader.id)
    })()
    await expect.poll(() => api.watches).toBe(2)
    const before = requests().length
    for (let renewal = 0; renewal < 5; renewal++) api.force('billing', held('other'))
    api.force('billing', held('third'))
    await expect.poll(() => states).toContain('third')
    expect(requests()).toHaveLength(before)
    expect(before).toBe(2)
  })
})

describe.concurrent('a watch that says nothing', () => {
  it('delays a takeover to the end of the lease, and no longer', async ({ expect, onTestFinished }) => {
    const { api, process, requests } = await stage(onTestFinished)
    api.force('billing', held('other', 2))
    api.tellsWatches = false
    const leadership = await process(quick).election('b').campaign()
    expect(leadership.isValid()).toBe(true)
    expect(requests()).toEqual(['GET billing', 'PUT billing'])
  })

  it("takes nobody's lease who renewed unseen: the takeover is a conflict, and waits anew", async ({
    expect,
    onTestFinished,
  }) => {
    const { api, process, requests } = await stage(onTestFinished)
    api.force('billing', held('other', 2))
    api.tellsWatches = false
    const campaign = process(quick).election('b').campaign()
    await expect.poll(requests).toEqual(['GET billing'])
    api.force('billing', held('other', 2))
    await campaign
    expect(requests()).toEqual(['GET billing', 'PUT billing', 'GET billing', 'PUT billing'])
  })
})

describe.concurrent('a Lease that is deleted', () => {
  it('is written again at once by its holder, who goes on with its token', async ({
    expect,
    onTestFinished,
  }) => {
    const { api, process, holder } = await stage(onTestFinished)
    const leader = process()
    const leadership = await leader.election('a').campaign()
    await expect.poll(() => api.watches).toBe(1)
    const uid = api.object('billing')?.metadata?.uid
    api.force('billing', null)
    await expect.poll(holder, patient).toBe('a')
    expect(api.object('billing')?.metadata?.uid).not.toBe(uid)
    expect(leadership.isValid()).toBe(true)
    const standby = process()
    const next = standby.election('b').campaign()
    await expect.poll(() => api.asked.filter((each) => each === 'GET watch').length).toBe(2)
    await leadership.resign()
    expect((await next).token).toBeGreaterThan(leadership.token)
  })
})

describe.concurrent('whoever observes in the process of the leader', () => {
  it('is told of its resignation without asking', async ({ expect, onTestFinished }) => {
    const { process, requests } = await stage(onTestFinished)
    const one = process()
    const election = one.election('a')
    const leadership = await election.campaign()
    const states = election.observe()[Symbol.asyncIterator]()
    expect(await states.next()).toMatchObject({ value: { type: 'led' } })
    const before = requests().length
    await leadership.resign()
    expect(await states.next()).toMatchObject({ value: { type: 'vacant' } })
    expect(requests().slice(before)).toEqual(['PUT billing'])
  })
})
