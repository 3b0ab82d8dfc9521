import { expect, test } from 'vitest'

import {
  PaxosStage,
  acceptors,
  heartbeatMs,
  leaseMs,
} from '../../../simulator/schedules/stage/paxos-staged.ts'
import { beat, campaign, createProposer, leave, received, wake, type ProposerEffect } from './proposer.ts'

const instance = 'e:x'
const stepMs = 10

/** p holds the instance, in the sight of all three acceptors. */
function holder() {
  const stage = new PaxosStage()
  const proposer = createProposer<number>({
    ...{ session: 'p', id: 'p', leaseMs, heartbeatMs, stepMs, patience: 100, quietMs: 2 * leaseMs },
    configuration: { voters: acceptors },
  })
  const moment = () => ({ now: stage.now, lapsed: false })
  const carry = (effects: readonly ProposerEffect[]): ProposerEffect[] =>
    effects.flatMap((effect) => {
      if (effect.type !== 'send') return [effect]
      const replies = acceptors
        .filter((name) => effect.to === null || effect.to === name)
        .flatMap((name) => {
          const reply = stage.ask(name, 'p', effect.request)
          return reply === undefined ? [] : carry(received(proposer, name, reply, moment()))
        })
      return [effect, ...replies]
    })
  const beats = () => carry(beat(proposer, { instant: stage.now, ...moment() }))
  const stands = () =>
    carry(campaign(proposer, { instance, exclusivity: 'token', priority: 0, metadata: {} }, stage.now))
  beats()
  stands()
  return {
    beats,
    stands,
    leaves: () => carry(leave(proposer, instance)),
    wakes: () => carry(wake(proposer, instance, moment())),
  }
}

const types = (effects: readonly ProposerEffect[]) => effects.map(({ type }) => type)

test('whoever led, left and stands again at once begins three steps late', () => {
  const p = holder()
  expect(types(p.leaves())).toContain('left')
  expect(p.stands()).toEqual([{ type: 'arm', instance, minMs: 3 * stepMs, maxMs: 4 * stepMs }])
  expect(types(p.wakes())).toContain('won')
})

test('two heartbeats after it left it stands like anybody else', () => {
  const p = holder()
  p.leaves()
  p.beats()
  p.beats()
  expect(types(p.stands())).toContain('won')
})

test('whoever left without having led owes nobody the place', () => {
  const p = holder()
  p.leaves()
  p.stands()
  p.beats()
  p.beats()
  p.leaves()
  expect(types(p.stands())).toContain('won')
})
