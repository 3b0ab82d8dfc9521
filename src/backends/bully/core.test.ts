import { expect, test } from 'vitest'
import type { CoreEffect, SessionAddress } from '../../cluster/engine/engine.ts'
import { coreSession } from '../../cluster/engine/engine.ts'
import { decodeRecords, encodeRecords } from '../../cluster/log-format.ts'
import { resolveTiming } from '../../lease/timing.ts'
import type { BullyMessage, Stand } from '../../protocols/bully/types.ts'
import { BullyCore } from './core.ts'
import { bullySpeech } from './speech.ts'
import type { BullyReply, BullyRequest, BullyWrite } from './words.ts'

type Effect = CoreEffect<BullyReply, BullyWrite, BullyRequest>

const timing = resolveTiming('default')

/** The core of p1 of three, with a session; whatever it writes is durable at once. */
class CoreStage {
  now = 0
  readonly core = new BullyCore(timing, 0n, {
    self: 'p1',
    voters: ['p1', 'p2', 'p3'],
    incarnation: 1,
    startedAt: 0,
    records: [],
  })
  readonly written: BullyWrite[] = []
  readonly replies: { readonly to: string; readonly reply: BullyReply }[] = []
  readonly own: SessionAddress = { session: 'p1~1', via: 'p1', host: { peer: 'p1', incarnation: 1 } }

  ask(from: SessionAddress, request: BullyRequest): void {
    this.#execute(this.core.step({ type: 'request', from, request }, this.now))
  }

  hear(peer: string, message: BullyMessage): void {
    const from = { session: coreSession(peer), via: peer, host: { peer, incarnation: 1 } }
    this.ask(from, { type: 'peer', message })
  }

  /** Of the process of a peer, every start up to this one. */
  evidence(peer: string, incarnation: number): void {
    this.#execute(this.core.step({ type: 'evidence', peer, incarnation }, this.now))
  }

  standing(): readonly (string | null)[] {
    return this.core.elections(null, this.now).map(({ waiting }) => waiting[0]?.id ?? null)
  }

  wake(now: number): void {
    this.now = now
    this.#execute(this.core.step({ type: 'wake' }, now))
  }

  open(): void {
    this.ask(this.own, { type: 'open', epoch: 1, id: 'p1', leaseMs: timing.leaseMs })
    this.hear('p2', { type: 'open-reply', session: 'p1~1', epoch: 1, is: 'open' })
  }

  #execute(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'persist') this.written.push(effect.record)
      if (effect.type === 'reply') this.replies.push({ to: effect.to.session, reply: effect.reply })
    }
    for (const effect of effects) {
      if (effect.type === 'ask' && effect.to === 'p1')
        this.ask(
          { session: coreSession('p1'), via: 'p1', host: { peer: 'p1', incarnation: 1 } },
          effect.request,
        )
    }
  }
}

function standOf(peer: string): Stand {
  const of = {
    session: `${peer}~1`,
    epoch: 1,
    id: peer,
    leaseMs: timing.leaseMs,
    host: { peer, incarnation: 1 },
  }
  return { of, priority: 0, exclusivity: 'time', metadata: {} }
}

test('all votes of a peer that takes over thousands of elections at once can be read again', () => {
  const stage = new CoreStage()
  const elections = Array.from({ length: 4_000 }, (_, at) => `e${at}`)
  stage.open()
  const stand = standOf('p3')
  for (const election of elections) {
    stage.hear('p2', { type: 'led', note: 1, election, epoch: 1, stand, version: 0 })
    stage.ask(stage.own, {
      type: 'campaign',
      election,
      exclusivity: 'time',
      priority: 0,
      metadata: {},
      tag: 1,
    })
  }
  stage.wake(0.9 * timing.leaseMs)
  const held = [{ epoch: 1, stand, isSilent: true }]
  for (const election of elections) {
    // Whatever round it asks in now: nobody else is known, so it is one of the first.
    for (const round of [1, 2, 3, 4])
      stage.hear('p2', {
        type: 'answer',
        election,
        round,
        session: 'p1~1',
        view: { promised: 1, won: 1, held, withdrawn: [], freed: [] },
        better: null,
      })
  }
  stage.wake(2 * timing.leaseMs)
  stage.hear('p2', { type: 'withdraw-answer', session: 'p3~1', epoch: 1, voter: 'p2' })
  const votes = stage.written.flatMap(({ records }) => records).filter(({ type }) => type === 'vote')
  expect(votes).toHaveLength(elections.length)
  const log = encodeRecords(
    stage.written.map((record) => ({ type: 'engine', engine: 'bully', record: { ...record } })),
  )
  const read = decodeRecords(Buffer.from(log)).flatMap((record) =>
    record.type === 'engine' ? bullySpeech.record.read({ ...record.record }).records : [],
  )
  expect(read).toEqual(stage.written.flatMap(({ records }) => records))
})

test('an observer that died without a word is told nothing more, once it has not asked for long', () => {
  const stage = new CoreStage()
  const observer = (at: number): SessionAddress => ({ session: `observer~${at}`, via: 'p1', host: null })
  const told = (): Set<string> => {
    stage.replies.length = 0
    const epoch = (stage.now += 1)
    stage.hear('p2', { type: 'led', note: epoch, election: 'e', epoch, stand: standOf('p2'), version: 0 })
    return new Set(stage.replies.map(({ to }) => to))
  }
  for (let at = 0; at < 100; at++) stage.ask(observer(at), { type: 'watch', election: 'e' })
  expect(told().size).toBe(100)
  for (let beat = 0; beat < 300; beat++) {
    stage.now += timing.heartbeatMs
    stage.ask(observer(7), { type: 'watch', election: 'e' })
  }
  expect(told()).toEqual(new Set(['observer~7']))
})

test('evidence about an earlier start of a peer says nothing about the one that runs', () => {
  const stage = new CoreStage()
  const stand = standOf('p2')
  const again = { ...stand, of: { ...stand.of, session: 'p2~2', host: { peer: 'p2', incarnation: 2 } } }
  stage.hear('p2', { type: 'ask', election: 'e', round: 1, stand: again })
  expect(stage.standing()).toEqual(['p2'])
  stage.evidence('p2', 1)
  expect(stage.standing()).toEqual(['p2'])
  stage.evidence('p2', 2)
  expect(stage.standing()).toEqual([null])
})
