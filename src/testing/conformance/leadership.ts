import assert from 'node:assert/strict'

import type { Leadership } from '../../election/leadership.ts'
import type { Theme } from './definition.ts'
import { begun } from './scene.ts'
import type { Candidate, Scene } from './scene.ts'

function campaign(scene: Scene, { id, election }: Candidate, withinMs?: number): Promise<Leadership> {
  return scene.outcome(`campaign() of ${id}`, election.campaign(), withinMs)
}

/** Begins a campaign that is expected to wait; what it won, once it has. */
function standBehind(candidate: Candidate): { leadership: Leadership | undefined } {
  const standing: { leadership: Leadership | undefined } = { leadership: undefined }
  candidate.election.campaign().then(
    (leadership) => (standing.leadership = leadership),
    () => undefined,
  )
  return standing
}

/** What must hold at the instant at which a leadership ends. */
function watchEnd(leadership: Leadership): { readonly order: readonly string[] } {
  const order: string[] = []
  leadership.signal.addEventListener('abort', () => order.push(`abort, valid: ${leadership.isValid()}`))
  void leadership.lost.then((reason) => order.push(`lost: ${reason}, aborted: ${leadership.signal.aborted}`))
  return { order }
}

/** Through `createElection`: what a leadership is, and how it ends. */
export const leadership: Theme = {
  theme: 'leadership',
  cases: [
    {
      claim: 'campaign() gives a leadership that is valid, with its token, scope, election and candidate',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a')
        const held = await campaign(scene, a)
        assert.equal(held.isValid(), true)
        assert.ok(held.token > 0n, `token ${held.token}`)
        assert.ok(
          held.remainingMs() > 0 && held.remainingMs() <= scene.leaseMs,
          `${held.remainingMs()} ms remain`,
        )
        assert.deepEqual([held.candidateId, held.electionName], ['a', a.election.name])
        assert.match(JSON.stringify(held), new RegExp(`"token":"${held.token}"`))
        await scene.stays('it is valid', 4 * scene.leaseMs, () => held.isValid() && !held.signal.aborted)
      },
    },
    {
      claim: 'resign(): invalid and aborted at once, lost next, released when it resolves',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a', { leaseMs: scene.longLeaseMs })
        const b = await scene.candidate('b')
        const first = await campaign(scene, a)
        const next = standBehind(b)
        const { order } = watchEnd(first)
        const resigning = first.resign()
        assert.equal(first.isValid(), false, 'invalid in the turn of the call')
        assert.equal(first.signal.aborted, true, 'aborted in the turn of the call')
        await scene.outcome('resign()', resigning)
        assert.deepEqual(order, ['abort, valid: false', 'lost: resigned, aborted: true'])
        await scene.until('b leads', () => next.leadership?.isValid() === true)
        await scene.outcome('resign() again', first.resign())
      },
    },
    {
      claim: 'a loss is told in order: invalid, then aborted, then lost; all before another leads',
      mode: 'time',
      needs: ['cut'],
      run: async (scene) => {
        const a = await scene.candidate('a')
        const b = await scene.candidate('b')
        const first = await campaign(scene, a)
        const next = standBehind(b)
        const { order } = watchEnd(first)
        let overlap = false
        await scene.cut(a.backend)
        await scene.until(
          'b leads',
          () => {
            if (next.leadership !== undefined && first.isValid()) overlap = true
            return next.leadership !== undefined
          },
          scene.expiryMs,
        )
        assert.equal(overlap, false, 'a was valid while b led')
        assert.equal(first.signal.aborted, true)
        assert.equal(order[0], 'abort, valid: false')
        assert.match(order[1] ?? 'lost was not told', /^lost: (expired|session-lost), aborted: true$/)
        assert.ok((next.leadership?.token ?? 0n) > first.token, 'the token grew')
        await scene.heal(a.backend)
        await scene.stays('a stays lost', 3 * scene.leaseMs, () => !first.isValid())
      },
    },
    {
      claim: 'a leadership that nothing reaches ends by its own clock',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const a = await scene.candidate('a')
        const first = await campaign(scene, a)
        await scene.cut(a.backend)
        const reason = await scene.outcome('lost', first.lost, 2 * scene.leaseMs)
        assert.ok(['expired', 'session-lost'].includes(reason), reason)
        assert.equal(first.isValid(), false)
      },
    },
    {
      claim: 'in token mode evidence names another while the old leadership may still be valid',
      mode: 'token',
      needs: ['cut', 'evidence'],
      run: async (scene) => {
        const a = await scene.candidate('a', { leaseMs: scene.longLeaseMs })
        const b = await scene.candidate('b')
        const first = await campaign(scene, a)
        const next = standBehind(b)
        await scene.advance(scene.leaseMs)
        await scene.cut(a.backend)
        await scene.evidence('a')
        await scene.until('b leads', () => next.leadership !== undefined)
        assert.ok((next.leadership?.token ?? 0n) > first.token, 'only the token protects')
        await scene.heal(a.backend)
        await scene.outcome('a is told', first.lost, scene.expiryMs)
      },
    },
    {
      claim: 'resign() after the loss, and in the middle of it, settles',
      mode: 'each',
      needs: ['cut'],
      run: async (scene) => {
        const a = await scene.candidate('a')
        for (const share of [0.9, 1, 1.5]) {
          const held = await campaign(scene, a, scene.expiryMs)
          await scene.cut(a.backend)
          await scene.advance(share * scene.leaseMs)
          await scene.outcome('resign()', held.resign(), scene.expiryMs)
          await scene.heal(a.backend)
        }
      },
    },
    {
      claim: 'what a leadership proclaims is what current() reads',
      mode: 'each',
      unless: (facts) => (facts.proclaim ? undefined : 'it does not support proclaim'),
      run: async (scene) => {
        const a = await scene.candidate('a')
        const held = await campaign(scene, a)
        assert.equal(await scene.outcome('proclaim()', held.proclaim({ version: '2' })), 'done')
        const state = await scene.outcome('current()', a.election.current())
        assert.ok(state.type === 'led', state.type)
        assert.equal(state.leader.metadata['version'], '2')
        assert.equal(state.leader.token, held.token)
      },
    },
    {
      claim: 'campaign() with an aborted signal is refused with CANCELLED, and blocks nobody',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a')
        await scene.refusal('campaign()', a.election.campaign({ signal: AbortSignal.abort() }), 'CANCELLED')
        await campaign(scene, await scene.candidate('b'))
      },
    },
    {
      claim: 'a campaign() that is aborted on the way to its win, at any step, leaves nobody leading',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a', { leaseMs: scene.longLeaseMs })
        const b = await scene.candidate('b')
        for (let steps = 0; steps < 12; steps += 1) {
          const controller = new AbortController()
          const standing = a.election.campaign({ signal: controller.signal })
          const cancelled = standing.then(
            (held) => held.resign(),
            () => undefined,
          )
          for (let step = 0; step < steps; step += 1) await Promise.resolve()
          controller.abort()
          await scene.outcome('the cancelled campaign', cancelled, scene.expiryMs)
          const held = await campaign(scene, b)
          await scene.outcome('resign()', held.resign())
        }
      },
    },
    {
      claim: 'a campaign() that is aborted while it waits never leads later',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.candidate('a', { leaseMs: scene.longLeaseMs })
        const b = await scene.candidate('b', { leaseMs: scene.longLeaseMs })
        const first = await campaign(scene, a)
        const controller = new AbortController()
        const waiting = begun(b.election.campaign({ signal: controller.signal }))
        await scene.advance(scene.leaseMs)
        controller.abort()
        await scene.refusal('the campaign of b', waiting, 'CANCELLED', scene.expiryMs)
        await scene.outcome('resign()', first.resign())
        await campaign(scene, await scene.candidate('c'))
      },
    },
    {
      claim: 'a campaign() that is aborted after its answer was lost never leads later',
      mode: 'each',
      needs: ['loseNextReply'],
      run: async (scene) => {
        const a = await scene.candidate('a')
        await scene.outcome('the process starts', a.backend.start())
        const first = await campaign(scene, a)
        await scene.outcome('resign()', first.resign())
        const controller = new AbortController()
        await scene.loseNextReply(a.backend)
        const waiting = begun(a.election.campaign({ signal: controller.signal }))
        controller.abort()
        await scene.settles('the campaign of a', waiting, scene.expiryMs)
        const held = await campaign(scene, await scene.candidate('b'), scene.expiryMs)
        await scene.stays('b leads', 3 * scene.leaseMs, () => held.isValid())
      },
    },
    {
      claim: 'a candidate that asks for another exclusivity is refused by campaign(), with both named',
      mode: 'each',
      unless: ({ exclusivity }) => (exclusivity.length > 1 ? undefined : 'it supports one exclusivity'),
      run: async (scene) => {
        await campaign(scene, await scene.candidate('a'))
        const exclusivity = scene.exclusivity === 'time' ? 'token' : 'time'
        const b = await scene.candidate('b', { exclusivity })
        const error = await scene.refusal('campaign()', b.election.campaign(), 'INVALID_OPTIONS')
        assert.match(error.message, /\btime\b/)
        assert.match(error.message, /\btoken\b/)
      },
    },
    {
      claim: 'a second process with the id of a leader is refused by campaign() with DUPLICATE_ID',
      mode: 'each',
      run: async (scene) => {
        const held = await campaign(scene, await scene.candidate('a'))
        const again = await scene.candidate('a')
        await scene.refusal('campaign()', again.election.campaign(), 'DUPLICATE_ID')
        await scene.stays('the first leads', 2 * scene.leaseMs, () => held.isValid())
      },
    },
  ],
}
