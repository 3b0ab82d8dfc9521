import { expect, it } from 'vitest'
import type { CandidacyEvents, CandidacyRequest } from '../backend.ts'
import { countingRandom, ScriptedCandidacy } from '../../testing/election-stage.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { Announcements } from './announcing.ts'
import { lockFormats } from './lock-format.ts'

const locks = { namespace: 'jobs', format: lockFormats.lease }
const request: CandidacyRequest = { election: 'billing', exclusivity: 'time', priority: 0, metadata: {} }

/** What was announced, in order, by a client that reaches nobody: it is asked, and fails. */
async function announced(play: (candidacy: ScriptedCandidacy, leave: () => void) => void, inside = false) {
  const clock = manualClock()
  const failures: string[] = []
  const access = {
    server: 'http://127.0.0.1:1',
    namespace: 'jobs',
    authorities: () => undefined,
    skipVerification: false,
    credentials: () => Promise.reject(new Error('nobody may ask')),
  }
  const env = {
    clock,
    random: countingRandom(),
    report: ({ during }: { readonly during: string }) => void failures.push(during),
  }
  const announcements = new Announcements(access, env, locks, { leaderLabel: undefined, events: true })
  let scripted: ScriptedCandidacy | undefined
  const told: string[] = []
  const on: CandidacyEvents = {
    waiting: () => told.push('waiting'),
    won: () => {
      told.push('won')
      if (inside) void candidacy.leave({})
    },
    renewed: () => told.push('renewed'),
    ended: ({ reason }) => told.push(reason),
  }
  const session = {
    enter: (asked: CandidacyRequest, events: CandidacyEvents) =>
      (scripted = new ScriptedCandidacy(asked, events, clock)),
  }
  const candidacy = announcements.enter(session, request, on, { candidateId: 'a', lease: 'billing' })
  if (scripted === undefined) throw new Error('nobody entered')
  play(scripted, () => void candidacy.leave({}))
  for (let turn = 0; turn < 20; turn++) await clock.advanceAsync(0)
  await announcements.close()
  return { told, events: failures.length }
}

it('an election that is won and left is announced twice, whatever becomes of the requests', async () => {
  const { told, events } = await announced((candidacy, leave) => {
    candidacy.win(1n)
    candidacy.on.renewed(candidacy.renewal())
    leave()
    leave()
  })
  expect(told).toEqual(['won', 'renewed'])
  expect(events).toBe(2)
})

it('one that is lost is announced twice, one that is never won not at all', async () => {
  const lost = await announced((candidacy) => {
    candidacy.win(1n)
    candidacy.on.ended({ reason: 'revoked' })
  })
  expect(lost).toEqual({ told: ['won', 'revoked'], events: 2 })
  expect((await announced((_candidacy, leave) => leave())).events).toBe(0)
})

it('who leaves as soon as he is told that he leads is not announced', async () => {
  const { told, events } = await announced((candidacy) => candidacy.win(1n), true)
  expect(told).toEqual(['won'])
  expect(events).toBe(0)
})
