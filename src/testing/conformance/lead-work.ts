import assert from 'node:assert/strict'

import type { Leadership } from '../../election/leadership.ts'
import type { Theme } from './definition.ts'
import { begun } from './scene.ts'

/** Work that runs until its leadership ends; what it was given is written down. */
function worker(): { readonly terms: Leadership[]; work(held: Leadership): Promise<void> } {
  const terms: Leadership[] = []
  return {
    terms,
    work: (held) => {
      terms.push(held)
      return new Promise((resolve) => held.signal.addEventListener('abort', () => resolve(), { once: true }))
    },
  }
}

/** Through `createElection`: `lead()`, and the end of everything by `close()`. */
export const leadWork: Theme = {
  theme: 'lead and close',
  cases: [
    {
      claim: 'lead() gives the value of the work after the release, so that the next leads at once',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a', { leaseMs: scene.longLeaseMs })
        const b = await scene.candidate('b')
        const value = await scene.outcome(
          'lead() of a',
          a.election.lead((held) => Promise.resolve(`did it, valid: ${held.isValid()}`)),
        )
        assert.equal(value, 'did it, valid: true')
        await scene.outcome('campaign() of b', b.election.campaign())
      },
    },
    {
      claim: 'lead() runs the work again after a loss, with a greater token, and never two at once',
      mode: 'time',
      needs: ['cut'],
      run: async (scene) => {
        const a = await scene.candidate('a')
        const b = await scene.candidate('b')
        const [ofA, ofB] = [worker(), worker()]
        const stop = new AbortController()
        const [leadingA, leadingB] = [
          begun(a.election.lead(ofA.work, { signal: stop.signal })),
          begun(b.election.lead(ofB.work, { signal: stop.signal })),
        ]
        const valid = (): number => [...ofA.terms, ...ofB.terms].filter((held) => held.isValid()).length
        const tokens = (): readonly bigint[] => [...ofA.terms, ...ofB.terms].map((held) => held.token)
        await scene.until('one of them works', () => valid() === 1)
        for (let turn = 0; turn < 3; turn += 1) {
          const leader = ofA.terms.at(-1)?.isValid() === true ? a : b
          const terms = tokens().length
          await scene.cut(leader.backend)
          await scene.until(
            'the other works',
            () => {
              assert.ok(valid() <= 1, 'two at once')
              return tokens().length > terms
            },
            scene.expiryMs,
          )
          await scene.heal(leader.backend)
          await scene.stays('one works', 2 * scene.leaseMs, () => valid() === 1)
        }
        assert.equal(new Set(tokens()).size, tokens().length, 'every term has a token of its own')
        stop.abort()
        await scene.outcome('lead() of a', leadingA, scene.expiryMs)
        await scene.outcome('lead() of b', leadingB, scene.expiryMs)
        assert.equal(valid(), 0)
      },
    },
    {
      claim: 'lead() that is aborted gives undefined after the release',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a', { leaseMs: scene.longLeaseMs })
        const { terms, work } = worker()
        const stop = new AbortController()
        const leading = begun(a.election.lead(work, { signal: stop.signal }))
        await scene.until('a works', () => terms.length === 1)
        stop.abort()
        assert.equal(await scene.outcome('lead()', leading), undefined)
        const b = await scene.candidate('b')
        await scene.outcome('campaign() of b', b.election.campaign())
      },
    },
    {
      claim: 'close() while leading releases; the next leads without waiting for any lease',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a', { leaseMs: scene.longLeaseMs })
        const b = await scene.candidate('b')
        const held = await scene.outcome('campaign() of a', a.election.campaign())
        const waiting = begun(b.election.campaign())
        await scene.outcome('close() of a', a.election.close())
        assert.equal(await scene.outcome('lost', held.lost), 'resigned')
        const next = await scene.outcome('campaign() of b', waiting)
        assert.ok(next.token > held.token, 'the token grew')
      },
    },
    {
      claim: 'close() settles every wait, and later calls are refused with CLOSED',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a')
        const b = await scene.candidate('b')
        await scene.outcome('campaign() of a', a.election.campaign())
        const waiting = begun(b.election.campaign())
        const states = b.election.observe()[Symbol.asyncIterator]()
        await scene.outcome('the present state', states.next())
        const change = begun(states.next())
        const closing = b.election.close()
        await scene.refusal('the campaign that waited', waiting, ['CLOSED', 'CANCELLED'])
        await scene.settles('the observer that waited', change)
        await scene.outcome('close()', closing)
        await scene.outcome('close() again', b.election.close())
        await scene.refusal('campaign() after close()', b.election.campaign(), 'CLOSED')
        await scene.refusal('current() after close()', b.election.current(), 'CLOSED')
        await scene.refusal(
          'lead() after close()',
          b.election.lead(() => Promise.resolve()),
          'CLOSED',
        )
      },
    },
    {
      claim: 'the last election that closes leaves no timer and no socket',
      mode: 'each',
      needs: ['openHandles'],
      run: async (scene) => {
        const a = await scene.candidate('a')
        const other = scene.electionOn('a', a.backend, { name: 'another' })
        assert.deepEqual(scene.openHandles(), [], 'creating an election opens nothing')
        await scene.outcome('campaign()', a.election.campaign())
        await scene.outcome('campaign() in another', other.campaign())
        const controller = new AbortController()
        const states = a.election.observe({ signal: controller.signal })[Symbol.asyncIterator]()
        await scene.outcome('the present state', states.next())
        await scene.outcome('the first close()', a.election.close())
        await scene.outcome('the last close()', other.close())
        assert.deepEqual(scene.openHandles(), [])
      },
    },
    {
      claim: 'a campaign() that was aborted and an election that was closed leave no timer and no socket',
      mode: 'each',
      needs: ['openHandles'],
      run: async (scene) => {
        const holder = await scene.candidate('holder')
        await scene.outcome('campaign() of the holder', holder.election.campaign())
        const a = await scene.candidate('a')
        const before = scene.openHandles().length
        const controller = new AbortController()
        const waiting = begun(a.election.campaign({ signal: controller.signal }))
        await scene.advance(scene.leaseMs)
        controller.abort()
        await scene.refusal('campaign()', waiting, 'CANCELLED')
        await scene.outcome('close()', a.election.close())
        assert.equal(scene.openHandles().length, before, scene.openHandles().join('; '))
      },
    },
    {
      claim: 'closing the backend closes what stands on it',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a', { leaseMs: scene.longLeaseMs })
        const held = await scene.outcome('campaign() of a', a.election.campaign())
        await scene.outcome('close() of the backend', a.backend.close())
        assert.equal(held.isValid(), false)
        assert.equal(await scene.outcome('lost', held.lost), 'resigned')
        await scene.refusal('campaign()', a.election.campaign(), 'CLOSED')
        const b = await scene.candidate('b')
        await scene.outcome('campaign() of b', b.election.campaign())
      },
    },
  ],
}
