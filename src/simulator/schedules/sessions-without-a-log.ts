import type { AnswerMessage, AskMessage } from '../../cluster/engine/engine.ts'
import type { SponsorLinkEvents } from '../../cluster/sponsor-link.ts'
import { bullyEngine } from '../../backends/bully/engine.ts'
import type { BullyReply, BullyRequest } from '../../backends/bully/words.ts'
import type { Candidacy } from '../../backends/backend.ts'
import { EngineSession } from '../../backends/engine/session.ts'
import { timingPresets } from '../../lease/timing.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import { expect, expectEqual, type Schedule } from './schedule.ts'

/** A session of the peer 'a', whose peer is played here: what it is asked and what is told, in one order. */
class Stage {
  readonly story: string[] = []
  readonly session: EngineSession<BullyRequest, BullyReply>
  readonly #asked: AskMessage<BullyRequest>[] = []
  #events!: SponsorLinkEvents<AnswerMessage<BullyReply>>

  constructor() {
    this.session = new EngineSession(bullyEngine, {
      env: { clock: manualClock(), random: seededRandom(1), report: () => undefined },
      cluster: 'c',
      voters: ['a', 'b', 'c'],
      timing: timingPresets.default,
      tokenBase: 0n,
      self: 'a',
      candidateId: 's',
      leaseMs: timingPresets.default.leaseMs,
      connect: (events) => {
        this.#events = events
        return {
          host: { peer: 'a', incarnation: 1 },
          beats: false,
          send: (message) => this.#sent(message),
          change: () => undefined,
          close: () => undefined,
        }
      },
      closed: () => undefined,
    })
    this.#events.up()
  }

  /** Under which the session speaks. */
  get key(): string {
    return this.session.ticket().session
  }

  /** The newest request of this type. */
  last<Type extends BullyRequest['type']>(type: Type): Extract<BullyRequest, { type: Type }> {
    const all = this.#asked.flatMap((message) => (message.type === 'ask' ? message.requests : []))
    const found = all.findLast((one): one is Extract<BullyRequest, { type: Type }> => one.type === type)
    if (found === undefined) throw new Error(`no ${type} was asked for`)
    return found
  }

  answer(reply: BullyReply, key = this.key): void {
    this.#events.message({ type: 'answer', session: key, from: 'a', replies: [reply] })
  }

  observed(from: string, reply: BullyReply): void {
    const watch = this.#asked.findLast(({ type }) => type === 'ask')
    if (watch?.type !== 'ask') throw new Error('nobody watches')
    this.#events.message({ type: 'answer', session: watch.session, from, replies: [reply] })
  }

  /** Opened, and supported by a majority. */
  opens(): void {
    this.answer({ type: 'opened', epoch: 1 })
    const { epoch, sequence } = this.last('keepalive')
    for (const voter of ['a', 'b'])
      this.answer({ type: 'ack', ack: { epoch, sequence, voter, voterIncarnation: 1 } })
  }

  enters(): Candidacy {
    return this.session.enter(
      { election: 'e', exclusivity: 'time', priority: 0, metadata: {} },
      {
        waiting: () => undefined,
        won: ({ token }) => void this.story.push(`won ${token}`),
        renewed: () => undefined,
        ended: ({ reason }) => void this.story.push(`ended ${reason}`),
      },
    )
  }

  /** Stands, and is elected in this epoch. */
  async wins(epoch: number): Promise<Candidacy> {
    this.opens()
    const candidacy = this.enters()
    await microtasks()
    this.answer({ type: 'granted', election: 'e', epoch, tag: this.last('campaign').tag })
    return candidacy
  }

  #sent(message: AskMessage<BullyRequest>): void {
    this.#asked.push(message)
    if (message.type !== 'ask') return
    for (const { type } of message.requests)
      if (type === 'leave' || type === 'close') this.story.push(`asks to ${type}`)
  }
}

async function microtasks(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

/** The heir may lead with the word that releases. */
async function handsOver(): Promise<void> {
  const stage = new Stage()
  const candidacy = await stage.wins(5)
  const handed = candidacy.transfer('t', {})
  await microtasks()
  stage.answer({ type: 'sought', election: 'e', tag: stage.last('seek').tag, stands: true })
  await microtasks()
  stage.answer({ type: 'known', election: 'e', tag: stage.last('leave').tag })
  expectEqual(await handed, 'done', 'the hand-over')
  expectEqual(stage.story, ['won 5', 'ended transferred', 'asks to leave'], 'a hand-over')
}

async function closes(): Promise<void> {
  const stage = new Stage()
  await stage.wins(5)
  const closed = stage.session.close({})
  await microtasks()
  stage.answer({ type: 'closed', known: true })
  await closed
  expectEqual(stage.story, ['won 5', 'ended session-lost', 'asks to close'], 'a close')
}

/** The grant and the cancellation cross on the way; the peer has taken the grant back by when the next one stands. */
async function standsAgain(): Promise<void> {
  const stage = new Stage()
  stage.opens()
  const first = stage.enters()
  await microtasks()
  const { tag } = stage.last('campaign')
  void first.leave({})
  stage.enters()
  await microtasks()
  stage.answer({ type: 'granted', election: 'e', epoch: 5, tag })
  expect(!stage.story.includes('won 5'), 'a grant to the candidacy before elects the next one')
  stage.answer({ type: 'granted', election: 'e', epoch: 6, tag: stage.last('campaign').tag })
  expect(stage.story.includes('won 6'), 'the candidacy that waits wins nothing')
  await stage.session.close({ signal: AbortSignal.abort() })
}

/** What was said to the session that ended comes after it. */
async function startsOver(): Promise<void> {
  const stage = new Stage()
  await stage.wins(5)
  const before = stage.key
  stage.answer({ type: 'over' })
  expect(stage.key !== before, 'a session that is over goes on under its name')
  stage.enters()
  await microtasks()
  const { tag } = stage.last('campaign')
  stage.answer({ type: 'opened', epoch: 1 }, before)
  await microtasks()
  expectEqual(stage.last('campaign').tag, tag, 'the campaign after the opening of an earlier session')
  await stage.session.close({ signal: AbortSignal.abort() })
}

/** Peers that started anew have forgotten the newest leadership, and answer with one before it. */
async function observes(): Promise<void> {
  const stage = new Stage()
  const seen: string[] = []
  const observation = stage.session.observe('e', {
    led: ({ token }) => void seen.push(`led ${token}`),
    vacant: () => void seen.push('vacant'),
    unknown: () => void seen.push('unknown'),
  })
  const state = (epoch: number): BullyReply => ({
    type: 'state',
    election: 'e',
    epoch,
    version: 0,
    leader: { id: 's', metadata: {} },
    isOver: false,
  })
  for (const epoch of [5, 3]) for (const peer of ['a', 'b', 'c']) stage.observed(peer, state(epoch))
  expectEqual(seen, ['led 5'], 'what an observer is told')
  observation.close()
  await stage.session.close({ signal: AbortSignal.abort() })
}

export const sessionsWithoutALog: Schedule = {
  name: 'sessions-without-a-log',
  claim:
    'A session of an engine without a log has stopped before it lets go, and heeds nothing that was said to an earlier one (S9, S13, S14)',
  async run() {
    await handsOver()
    await closes()
    await standsAgain()
    await startsOver()
    await observes()
  },
}
