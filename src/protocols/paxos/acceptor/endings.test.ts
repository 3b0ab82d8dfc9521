import { expect, test } from 'vitest'
import { instance, leaseMs, longMs, PaxosStage } from '../../../simulator/schedules/stage/paxos-staged.ts'
import type { Ending, PaxosRequest } from '../types.ts'

const release: PaxosRequest = { type: 'release', instance, ballot: 9, to: null, stays: false }

function owned(exclusivity: 'time' | 'token' = 'time'): PaxosStage {
  const stage = new PaxosStage()
  stage.prepare('a', 'p', 1)
  stage.propose('a', 'p', 1, { exclusivity })
  return stage
}

const told: readonly (readonly [why: Ending | null, how: string, stage: () => PaxosStage])[] = [
  ['released', 'its owner gave up', () => asked(owned(), { ...release, why: 'released' })],
  ['transferred', 'its owner named another', () => asked(owned(), { ...release, why: 'transferred' })],
  ['expired', 'its owner gave up what had run out', () => asked(owned(), { ...release, why: 'expired' })],
  ['closed', "its owner's session ended", () => asked(owned(), { type: 'close' })],
  [null, 'an attempt was given back', () => asked(owned(), { ...release, stays: true })],
  [null, 'somebody else released it', () => asked(owned(), { ...release, why: 'released' }, 'q')],
]

function asked(stage: PaxosStage, request: PaxosRequest, session = 'p'): PaxosStage {
  stage.ask('a', session, request)
  return stage
}

for (const [why, how, stage] of told)
  test(`an acceptor tells '${why}' when ${how}`, () => {
    expect(stage().acceptor('a').entries.get(instance)?.lastEnding).toBe(why)
  })

test("an acceptor tells 'expired' of who was silent, and 'suspected' of who is said to be dead", () => {
  const silent = owned()
  silent.now = longMs
  silent.wake('a')
  expect(silent.acceptor('a').entries.get(instance)?.lastEnding).toBe('expired')
  const dead = owned('token')
  dead.step('a', { type: 'evidence', peer: 'p', incarnation: 1 })
  expect(dead.acceptor('a').entries.get(instance)?.lastEnding).toBe('suspected')
  expect(longMs).toBeGreaterThan(leaseMs)
})
