/** What the checklist of the paper does not name: ids given twice, news that is lost, memory that a restart takes. */
import { describe, expect, it } from 'vitest'
import {
  BullyStage,
  factsOf,
  leaseMs,
  nothing,
  standOf,
} from '../../simulator/schedules/stage/bully-staged.ts'
import { SmallWorld } from './testing/small-world.ts'
import { compareStands } from './facts.ts'
import type { BullyMessage, SessionFacts, Stand } from './types.ts'

describe('two processes with one id that start at the same moment', () => {
  it('are not both let in', () => {
    const world = new SmallWorld({ peers: 5 })
    world.run(20)
    for (const peer of ['p01', 'p02']) {
      const host = { peer, incarnation: 1 }
      const twin: SessionFacts = { session: `twin of ${peer}`, epoch: 1, id: 'twin', leaseMs, host }
      Object.assign(world.peer(peer), { facts: twin, holder: null })
      world.peer(peer).news.length = 0
      world.feed(peer, { type: 'open', of: twin })
    }
    world.run(40)
    const heard = ['p01', 'p02'].map((id) => world.peer(id).news.map(({ type }) => type))
    expect(heard.flat().filter((type) => type === 'opened')).toHaveLength(1)
    expect(heard.flat()).toContain('duplicate')
  })
})

describe('a session that went on in a later epoch', () => {
  it('is told to whoever asks to withdraw from the one before, by a voter that was started anew', () => {
    const stage = new BullyStage(5)
    stage.hear('p2', { type: 'open', of: factsOf('p2', 2) })
    stage.restart()
    stage.hear('p3', { type: 'withdraw', of: factsOf('p2', 1) })
    const told = stage.sent.get('reopened p3')
    if (told?.type !== 'reopened') throw new Error('p3 asks for ever for what nobody may answer')
    expect(told.of).toEqual(factsOf('p2', 2))
  })

  it('is asked to end in that one by whoever was told', () => {
    const { stage, session } = asking('time')
    const p3 = standOf('p3')
    const held = [{ epoch: 1, stand: p3, isSilent: true }]
    stage.hear('p2', answerTo(stage, session, { ...nothing, promised: 1, held }))
    expect(stage.sent.get('withdraw p2')).toEqual({ type: 'withdraw', of: factsOf('p3', 1) })
    stage.hear('p2', { type: 'reopened', of: factsOf('p3', 2) })
    stage.now += leaseMs
    stage.feed({ type: 'wake' })
    expect(stage.sent.get('withdraw p2')).toEqual({ type: 'withdraw', of: factsOf('p3', 2) })
  })
})

/** p1 stands, and has asked everybody. */
function asking(mode: 'time' | 'token'): { readonly stage: BullyStage; readonly session: string } {
  const stage = new BullyStage(3)
  const stand = standOf('p1', mode)
  stage.feed({ type: 'open', of: stand.of })
  stage.feed({ type: 'campaign', election: 'e', stand })
  return { stage, session: stand.of.session }
}

function answerTo(stage: BullyStage, session: string, view = nothing): BullyMessage {
  const asked = stage.sent.get('ask p2')
  if (asked?.type !== 'ask') throw new Error('it does not ask')
  return { type: 'answer', election: 'e', round: asked.round, session, view, better: null }
}

describe('token mode, a leader that is silent by the clock of a peer that stood still', () => {
  const p2 = standOf('p2', 'token')
  const p3 = standOf('p3', 'token')
  const vote: BullyMessage = {
    type: 'vote',
    election: 'e',
    ballot: { epoch: 2, stand: p3 },
    won: 0,
    withdrawn: [],
    freed: [],
  }

  /** p1 follows p2, heard it last at 0, and stood still until 200. */
  function stalled(): BullyStage {
    const stage = new BullyStage(3)
    stage.hear('p2', { type: 'led', note: 1, election: 'e', epoch: 1, stand: p2, version: 0 })
    stage.now = 200
    return stage
  }

  it('is not replaced by a vote that is read before its keepalive', () => {
    const stage = stalled()
    stage.hear('p3', vote)
    expect(stage.sent.has('vote-reply p3')).toBe(false)
    stage.hear('p2', { type: 'keepalive', session: p2.of.session, epoch: 1, sequence: 1 })
    stage.feed({ type: 'wake' })
    expect(stage.sent.get('vote-reply p3')).toMatchObject({ granted: false })
  })

  it('is not called silent in an answer that is given before its keepalive is read', () => {
    const stage = stalled()
    stage.hear('p3', { type: 'ask', election: 'e', round: 1, stand: p3 })
    stage.hear('p2', { type: 'keepalive', session: p2.of.session, epoch: 1, sequence: 1 })
    stage.feed({ type: 'wake' })
    expect(stage.sent.get('answer p3')).toMatchObject({ view: { held: [{ isSilent: false }] } })
  })

  it('is replaced as soon as everything that waited was read', () => {
    const stage = stalled()
    expect(stage.hear('p3', vote)).toContainEqual({ type: 'wake-at', at: stage.now })
    stage.feed({ type: 'wake' })
    expect(stage.sent.get('vote-reply p3')).toMatchObject({ granted: true })
    // From now on it is known to be silent, and nothing needs to be waited for.
    stage.hear('p3', { type: 'ask', election: 'e', round: 1, stand: p3 })
    expect(stage.sent.has('answer p3')).toBe(true)
  })
})

describe('token mode: an epoch above was won meanwhile, and given back', () => {
  const freed = { session: 'p3.1', epoch: 2 }
  const end: BullyMessage = { type: 'freed', note: 1, election: 'e', freed, heir: null, won: 2 }
  const led: BullyMessage = {
    type: 'led',
    note: 2,
    election: 'e',
    epoch: 2,
    stand: standOf('p3', 'token'),
    version: 0,
  }
  const ways: Record<string, readonly BullyMessage[]> = {
    'its end alone': [end],
    'first its end': [end, led],
  }

  for (const [name, messages] of Object.entries(ways)) {
    it(`late votes elect nobody with a lower token (${name} is heard)`, () => {
      const { stage, session } = asking('token')
      stage.hear('p2', answerTo(stage, session))
      expect(stage.sent.get('vote p2')?.type).toBe('vote')
      for (const message of messages) stage.hear('p3', message)
      const reply = {
        type: 'vote-reply',
        election: 'e',
        session,
        epoch: 1,
        granted: true,
        view: nothing,
      } as const
      stage.hear('p2', reply)
      expect(stage.news.filter(({ type }) => type === 'granted')).toEqual([])
    })

    it(`whoever led before is told that it does no more (${name} is heard)`, () => {
      const { stage, session } = asking('token')
      stage.hear('p2', answerTo(stage, session))
      stage.hear('p2', { type: 'vote-reply', election: 'e', session, epoch: 1, granted: true, view: nothing })
      expect(stage.news.at(-1)).toMatchObject({ type: 'granted', epoch: 1 })
      for (const message of messages) stage.hear('p3', message)
      expect(stage.news).toContainEqual({ type: 'superseded', election: 'e', epoch: 1 })
    })
  }

  it('and only an attempt of that epoch failed: the leader stays', () => {
    const { stage, session } = asking('token')
    stage.hear('p2', answerTo(stage, session))
    stage.hear('p2', { type: 'vote-reply', election: 'e', session, epoch: 1, granted: true, view: nothing })
    stage.hear('p3', { ...end, won: 1 })
    expect(stage.news.at(-1)).toMatchObject({ type: 'granted', epoch: 1 })
  })
})

describe('evidence of death of a leader in token mode', () => {
  it('lets nobody follow it in time mode', () => {
    const stage = new BullyStage(3)
    stage.votes('p2', 5, {}, standOf('p2', 'token'))
    stage.feed({ type: 'evidence', peer: 'p2' })
    expect(stage.votes('p3', 6, {}, standOf('p3', 'time'))).toBe(false)
    expect(stage.votes('p3', 6, {}, standOf('p3', 'token'))).toBe(true)
  })
})

describe('who gave up an attempt in the epoch that another one won', () => {
  it('keeps its rank: only who led and resigned comes last', () => {
    const stage = new BullyStage(3)
    const [p1, p2, p3] = ['p1', 'p2', 'p3'].map((id) => standOf(id)) as [Stand, Stand, Stand]
    stage.hear('p2', { type: 'ask', election: 'e', round: 1, stand: p2 })
    stage.hear('p3', { type: 'ask', election: 'e', round: 1, stand: p3 })
    const given = (session: string): BullyMessage => {
      return { type: 'freed', note: 1, election: 'e', freed: { session, epoch: 4 }, heir: null, won: 4 }
    }
    stage.hear('p2', { type: 'led', note: 2, election: 'e', epoch: 4, stand: p1, version: 0 })
    stage.hear('p3', given('p3.1'))
    stage.hear('p2', given('p1.1'))
    const seat = stage.bully.seats.get('e')
    if (seat === undefined) throw new Error('no such election')
    expect(compareStands(stage.bully, seat, p3, p2, stage.now)).toBeGreaterThan(0)
    expect(compareStands(stage.bully, seat, p1, p2, stage.now)).toBeLessThan(0)
  })
})

describe('more candidates than a voter remembers', () => {
  it('the dead make room for those that stand', () => {
    const stage = new BullyStage(3)
    for (let at = 0; at < 1_100; at++) {
      const of: SessionFacts = { ...factsOf('p2'), session: `x.${at}`, id: `x${at}` }
      stage.now += leaseMs
      stage.hear('p2', { type: 'ask', election: 'e', round: at, stand: { ...standOf('p2'), of } })
    }
    expect(stage.bully.seats.get('e')?.standing.has('x.1099')).toBe(true)
  })
})

/** As a process that is started anew: its votes are on its disk, its memory is gone. */
function restarted(world: SmallWorld, id: string): void {
  world.crash(id)
  world.run(200)
  world.start(id)
  world.run(20)
}

function ledBy(id: string): SmallWorld {
  const world = new SmallWorld({ peers: 5 })
  world.run(20)
  world.campaign(id, 'e')
  expect(world.run(5_000, () => world.leaders('e').includes(id))).toBe(true)
  world.run(500)
  return world
}

describe('a peer that was started anew while somebody leads', () => {
  it('is told who leads, so that its candidate asks nobody for as long as that one is heard', () => {
    const world = ledBy('p05')
    restarted(world, 'p01')
    expect(world.peer('p01').observed.at(-1)?.led?.stand.of.id).toBe('p05')
    world.campaign('p01', 'e')
    world.run(1_000)
    const before = world.electionMessages()
    world.run(10_000)
    expect(world.electionMessages()).toBe(before)
    world.crash('p05')
    expect(world.run(3_000, () => world.leaders('e').includes('p01'))).toBe(true)
  })
})

describe('a peer that is down for long', () => {
  it('is owed no more news than one of each election, however often leaders change', () => {
    const world = new SmallWorld({ peers: 3 })
    world.run(20)
    world.crash('p03')
    world.run(1_000)
    for (let round = 0; round < 30; round++) {
      for (const id of ['p01', 'p02']) {
        world.campaign(id, 'e')
        expect(world.run(2_000, () => world.leaders('e').includes(id))).toBe(true)
        world.leave(id, 'e')
        world.run(50)
      }
    }
    for (const id of ['p01', 'p02']) expect(world.peer(id).bully?.news.size).toBeLessThanOrEqual(1)
    world.start('p03')
    world.run(50)
    world.campaign('p03', 'e')
    expect(world.run(2_000, () => world.leaders('e').includes('p03'))).toBe(true)
    const tokens = world.wins.map(({ epoch }) => epoch)
    expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b))
  })
})

describe('a peer with ten thousand elections', () => {
  it('looks at none of the others when a message comes', () => {
    const world = new SmallWorld({ peers: 3 })
    world.run(20)
    for (const id of world.ids) for (let at = 0; at < 20; at++) world.campaign(id, `e${at}`)
    world.run(2_000)
    const { bully } = world.peer('p01')
    if (bully === null) throw new Error('p01 is dead')
    const all = (): never => {
      throw new Error('it goes through all its elections')
    }
    Object.assign(bully.seats, { values: all, keys: all, entries: all, forEach: all, [Symbol.iterator]: all })
    world.campaign('p01', 'one more')
    world.run(1_000)
    expect(world.leaders('one more')).toEqual(['p01'])
    world.leave('p01', 'one more')
    world.run(1_000)
  })
})

describe('sessions that die without a word', () => {
  const sessionOf = (life: number): SessionFacts => ({
    ...factsOf('p2'),
    session: `p2.${life}`,
    id: `id ${life}`,
  })

  function afterThousands(): BullyStage {
    const stage = new BullyStage(3)
    const led = { ...standOf('p2'), of: sessionOf(0) }
    stage.hear('p2', { type: 'led', note: 1, election: 'e', epoch: 1, stand: led, version: 0 })
    for (let life = 1; life <= 2_000; life++) {
      stage.now += leaseMs
      stage.hear('p2', { type: 'open', of: sessionOf(life) })
      stage.hear('p2', { type: 'keepalive', session: `p2.${life}`, epoch: 1, sequence: 1 })
      const stand = { ...standOf('p2'), of: sessionOf(life) }
      stage.hear('p2', { type: 'ask', election: 'e', round: life, stand })
      if (life === 1) stage.hear('p3', { type: 'withdraw', of: sessionOf(1) })
      stage.polled()
    }
    return stage
  }

  it('are forgotten, but for those that stand in the way of a vote', () => {
    const { bully } = afterThousands()
    expect(bully.known.size).toBeLessThan(100)
    expect(bully.voter.sessions.size).toBeLessThan(100)
    expect(bully.newest.size).toBeLessThan(100)
    expect(bully.seats.get('e')?.standing.size).toBeLessThan(100)
    expect(bully.known.has('p2.0')).toBe(true)
  })

  it('are refused as before if this voter withdrew from them', () => {
    const stage = afterThousands()
    expect(stage.bully.known.has('p2.1')).toBe(false)
    stage.hear('p2', { type: 'keepalive', session: 'p2.1', epoch: 1, sequence: 2 })
    expect(stage.sent.get('open-needed p2')).toMatchObject({ session: 'p2.1' })
    stage.hear('p2', { type: 'open', of: sessionOf(1) })
    stage.hear('p2', { type: 'keepalive', session: 'p2.1', epoch: 1, sequence: 3 })
    expect(stage.sent.get('keepalive-refusal p2')).toMatchObject({ session: 'p2.1', reason: 'withdrawn' })
  })
})
