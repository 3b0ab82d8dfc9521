/** What others do to a Lease, and how it is heard. */
import { describe, it } from 'vitest'
import { held, patient, quick, stage } from './stage.ts'

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
