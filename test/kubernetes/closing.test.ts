/** What is left of a Kubernetes backend after its `close()`: nothing. */
import { describe, it } from 'vitest'
import { stage } from './stage.ts'

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
