/** What a leader asks of the API server, and what it makes of the answers. */
import { describe, it } from 'vitest'
import { patient, quick, stage } from './stage.ts'

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
