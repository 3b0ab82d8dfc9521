import { describe, expect, test } from 'vitest'
import type { ClassicMessage, Reign } from './types.ts'
import { ClassicWorld } from './testing/classic-world.ts'

const settledMs = 2_000

function settled(peers: number, options: Partial<ConstructorParameters<typeof ClassicWorld>[0]> = {}) {
  const world = new ClassicWorld({ peers, ...options })
  world.run(400)
  world.campaignAll()
  world.run(settledMs)
  return world
}

/** The peers in two groups, in every way there is; the second group holds the highest. */
function partitions(ids: readonly string[]): [string[], string[]][] {
  const all: [string[], string[]][] = []
  for (let bits = 1; bits < 2 ** (ids.length - 1); bits++)
    all.push([ids.filter((_, at) => bits & (1 << at)), ids.filter((_, at) => !(bits & (1 << at)))])
  return all
}

/** Whoever was followed had stopped before anybody followed somebody else instead; two never lead as one. */
function expectStoppedFirst(world: ClassicWorld): void {
  const leads = new Map<string, number>()
  const follows = new Map<string, Reign | null>()
  for (const one of world.happened) {
    if (one.is === 'leads' || one.is === 'rises') leads.set(one.peer, one.epoch)
    if (one.is === 'stops') leads.delete(one.peer)
    if (one.is === 'rises')
      expect([...leads.keys()], `${one.peer} rises at ${one.at} while another leads`).toEqual([one.peer])
    if (one.is !== 'follows') continue
    const before = follows.get(one.peer)
    follows.set(one.peer, one.reign)
    if (before == null || one.reign === null || before.stand.session === one.reign.stand.session) continue
    const [id = ''] = before.stand.session.split('.')
    expect(leads.has(id), `${one.peer} leaves ${id} at ${one.at}, which still leads`).toBe(false)
  }
}

test('the highest rank leads, by priority and then by id, and everybody follows it', () => {
  const world = new ClassicWorld({ peers: 5 })
  world.run(400)
  world.campaign('p02', 'e', 7)
  world.campaign('p01', 'e', 7)
  for (const id of ['p03', 'p04', 'p05']) world.campaign(id)
  world.run(settledMs)
  expect(world.leaders()).toEqual(['p02'])
  expect(world.ids.map((id) => world.followed(id))).toEqual(Array(5).fill('p02'))
})

test('B1: after every crash the next in rank leads, and whoever comes back pushes nobody out', () => {
  const world = settled(5)
  for (const [dead, next] of [
    ['p05', 'p04'],
    ['p04', 'p03'],
    ['p03', 'p02'],
    ['p02', 'p01'],
  ] as const) {
    world.crash(dead)
    expect(
      world.run(1_000, () => world.leaders().includes(next)),
      `${next} follows ${dead}`,
    ).toBe(true)
    expect(world.leaders()).toEqual([next])
  }
  for (const id of ['p03', 'p05', 'p02', 'p04']) {
    world.start(id)
    world.run(300)
    world.campaign(id)
    world.run(settledMs)
    expect(world.leaders()).toEqual(['p01'])
  }
  world.leave('p01')
  world.run(settledMs)
  expect(world.leaders()).toEqual(['p05'])
})

test('B1: a crash that only silence tells of ends after the lease, and not before', () => {
  const world = settled(3)
  world.crash('p03', false)
  const at = world.now
  expect(world.run(2_000, () => world.leaders().length > 0)).toBe(true)
  expect(world.leaders()).toEqual(['p02'])
  expect(world.now - at).toBeGreaterThan(world.leaseMs - 2 * world.heartbeatMs)
  expect(world.now - at).toBeLessThan(world.leaseMs + 6 * world.heartbeatMs)
})

test('B2: a candidate that flaps leads again only when the leader ends', () => {
  const world = settled(3)
  world.crash('p03')
  world.run(500)
  for (let flap = 0; flap < 10; flap++) {
    world.start('p03')
    world.run(300)
    world.campaign('p03')
    world.run(400)
    world.crash('p03')
    world.run(300)
  }
  expect(world.happened.filter(({ is }) => is === 'leads').length).toBe(2)
  expect(world.leaders()).toEqual(['p02'])
})

describe('B3, B10: every partition of five peers', () => {
  const ids = ['p01', 'p02', 'p03', 'p04', 'p05']
  test.for(partitions(ids))('%j and %j: one leader each, then one', ([one, other]) => {
    const world = settled(5)
    world.split(one, other)
    world.run(settledMs)
    expect(new Set(world.leaders())).toEqual(new Set([one.at(-1), other.at(-1)]))
    for (const group of [one, other]) for (const id of group) expect(world.followed(id)).toBe(group.at(-1))
    world.heal()
    world.run(settledMs)
    expect(world.leaders()).toEqual(['p05'])
    for (const id of ids) expect(world.followed(id)).toBe('p05')
    const rises = world.happened.filter(({ is }) => is === 'rises')
    expect(rises.map(({ peer }) => peer)).toEqual(['p05'])
    expectStoppedFirst(world)
  })

  test.for(
    partitions(ids).flatMap(([one, other]) => [
      [one, other],
      [other, one],
    ]),
  )('%j is not heard by %j: a way in one direction is none', ([dumb = [], deaf = []]) => {
    const world = settled(5)
    for (const from of dumb) for (const to of deaf) world.cut(from, to)
    world.run(settledMs)
    expect(new Set(world.leaders())).toEqual(new Set([dumb.at(-1), deaf.at(-1)]))
    for (const group of [dumb, deaf]) for (const id of group) expect(world.followed(id)).toBe(group.at(-1))
    const { length } = world.happened
    world.run(settledMs)
    expect(world.happened.slice(length), 'nobody fights').toEqual([])
    world.heal()
    world.run(settledMs)
    expect(world.leaders()).toEqual(['p05'])
    expectStoppedFirst(world)
  })
})

test('B10: while the lower leader has not stopped, nobody is told of the merge', () => {
  const world = settled(4, { stopMs: 700 })
  world.split(['p01', 'p02'], ['p03', 'p04'])
  world.run(settledMs)
  const epochs = world.leaders().map((id) => world.peer(id).leads.get('e'))
  world.heal()
  world.run(500)
  expect(world.peer('p02').news.at(-1)).toMatchObject({ type: 'superseded' })
  expect(world.leaders()).toEqual(['p02', 'p04'])
  expect(world.leaders().map((id) => world.peer(id).leads.get('e'))).toEqual(epochs)
  expect(world.ids.map((id) => world.followed(id))).toEqual(['p02', 'p02', 'p04', 'p04'])
  world.run(settledMs)
  expect(world.leaders()).toEqual(['p04'])
  expect(world.ids.map((id) => world.followed(id))).toEqual(Array(4).fill('p04'))
  expect(world.peer('p04').leads.get('e')).toBeGreaterThan(Math.max(...epochs.map((epoch) => epoch ?? 0)))
  expectStoppedFirst(world)
})

test('three partitions heal at once: all but the highest stop', () => {
  const world = settled(6)
  world.split(['p01', 'p02'], ['p03', 'p04'], ['p05', 'p06'])
  world.run(settledMs)
  expect(world.leaders()).toEqual(['p02', 'p04', 'p06'])
  world.heal()
  world.run(settledMs)
  expect(world.leaders()).toEqual(['p06'])
  expectStoppedFirst(world)
})

describe('B4: a late COORDINATOR is not believed', () => {
  function withOldCoordinator(): { world: ClassicWorld; old: ClassicMessage } {
    const world = settled(3)
    const { classic } = world.peer('p03')
    const reign = classic?.seats.get('e')?.own?.reign
    if (classic === null || reign === undefined) throw new Error('p03 leads')
    const theirs = classic.contacts.get('p01')?.theirs ?? 0
    const stamp = { incarnation: 1, at: world.now, revision: 99, echo: { incarnation: 1, at: theirs } }
    const body = { type: 'reign', revision: 99, isChange: true, election: 'e', reign, heir: null } as const
    return { world, old: { stamp, body } }
  }

  test('of a leader that is dead', () => {
    const { world, old } = withOldCoordinator()
    world.crash('p03')
    world.run(settledMs)
    expect(world.followed('p01')).toBe('p02')
    world.deliver('p03', 'p01', old)
    world.deliver('p03', 'p02', old)
    world.run(settledMs)
    expect(world.followed('p01')).toBe('p02')
    expect(world.leaders()).toEqual(['p02'])
  })

  test('that comes between its death and the election of the next', () => {
    const { world, old } = withOldCoordinator()
    world.crash('p03')
    world.run(2.5)
    world.deliver('p03', 'p01', old)
    world.deliver('p03', 'p02', old)
    expect(world.followed('p02')).not.toBe('p03')
    expect(world.run(500, () => world.leaders().includes('p02'))).toBe(true)
  })

  test('of an earlier process of the peer that came back', () => {
    const { world, old } = withOldCoordinator()
    world.crash('p03')
    world.run(1_000)
    world.start('p03')
    world.run(1_000)
    world.deliver('p03', 'p01', old)
    world.run(settledMs)
    expect(world.followed('p01')).toBe('p02')
  })

  test('that was overtaken by the end of its reign', () => {
    const { world, old } = withOldCoordinator()
    const { body } = old
    world.leave('p03')
    world.run(settledMs)
    if (body.type === 'reign') world.deliver('p03', 'p01', { ...old, body: { ...body, revision: 1 } })
    expect(world.followed('p01')).toBe('p02')
  })
})

test('B5: of two processes with one candidate id one is refused, also if they start at once', () => {
  const world = new ClassicWorld({ peers: 3 })
  world.run(400)
  world.crash('p01')
  world.run(10)
  world.start('p01', 'p03')
  world.run(400)
  expect(world.peer('p01').news.map(({ type }) => type)).toEqual(['opened', 'duplicate'])
  world.crash('p01')
  world.crash('p02')
  world.run(10)
  world.start('p01', 'twin')
  world.start('p02', 'twin')
  world.run(400)
  const last = ['p01', 'p02'].map((id) => world.peer(id).news.at(-1)?.type)
  expect(new Set(last)).toEqual(new Set(['duplicate', 'opened']))
})

test('B6: messages grow with the number of peers, not with its square', () => {
  const perFailover = [3, 7, 13, 23, 31].map((peers) => {
    const world = settled(peers)
    const before = world.electionMessages()
    const [leader = ''] = world.leaders()
    world.crash(leader)
    world.run(100)
    expect(world.leaders().length).toBe(1)
    return (world.electionMessages() - before) / peers
  })
  expect(Math.max(...perFailover)).toBeLessThanOrEqual(5)
  const idle = [3, 31].map((peers) => {
    const world = settled(peers)
    world.counts.clear()
    world.run(10 * world.heartbeatMs)
    return [...world.counts.values()].reduce((all, one) => all + one, 0) / (peers - 1)
  })
  expect(Math.max(...idle)).toBeLessThanOrEqual(2 * 11)
})

test('B7: all start and stand at once, and the highest leads', () => {
  const world = new ClassicWorld({ peers: 15 })
  world.run(1_000, () => world.ids.every((id) => world.peer(id).isOpen))
  world.campaignAll()
  world.run(settledMs)
  expect(world.leaders()).toEqual(['p15'])
  expect(world.happened.filter(({ is }) => is === 'leads').length).toBe(1)
})

test('B8: a highest peer that is slow starves nobody', () => {
  const world = new ClassicWorld({ peers: 5 })
  world.peer('p05').slowMs = 10 * 2 * world.heartbeatMs
  world.run(400)
  world.campaignAll()
  expect(world.run(10 * world.heartbeatMs, () => world.leaders().length > 0)).toBe(true)
  expect(world.leaders()).toEqual(['p04'])
  world.run(5_000)
  expect(world.leaders()).toContain('p04')
})

test('an epoch that a peer took is never taken again, whatever its next process remembers of the others', () => {
  const world = settled(1)
  for (let life = 0; life < 3; life++) {
    world.crash('p01')
    world.start('p01')
    world.run(400)
    world.campaign('p01')
    world.run(400)
  }
  const epochs = world.happened.flatMap((one) => (one.is === 'leads' ? [one.epoch] : []))
  expect(epochs).toEqual([1, 2, 3, 4])
})

test('who resigns abstains until it campaigns again; an heir goes before better ones', () => {
  const world = settled(4)
  world.leave('p04', 'e', 'p01')
  world.run(settledMs)
  expect(world.leaders()).toEqual(['p01'])
  world.campaign('p04')
  world.leave('p01')
  world.run(settledMs)
  expect(world.leaders()).toEqual(['p04'])
  expect(world.peer('p01').news).toContainEqual({ type: 'known', election: 'e', tag: 2 })
})

test('a paused leader has stopped before the next one leads', () => {
  const world = settled(3)
  const pausedAt = world.now
  world.pause('p03', 1_500)
  expect(world.run(1_400, () => world.leaders().length > 1)).toBe(true)
  // Its own deadline, counted from its last keepalive, passes on its own clock while it does not run.
  expect(world.now - pausedAt).toBeGreaterThanOrEqual(world.leaseMs - world.heartbeatMs)
  world.run(settledMs)
  expect(world.leaders()).toEqual(['p02'])
  expect(world.peer('p03').news.at(-1)).toEqual({ type: 'over' })
})

test('after a stall nobody new is believed by what was heard before it', () => {
  const world = settled(3, { stopMs: 10_000 })
  world.split(['p01', 'p02'], ['p03'])
  world.run(settledMs)
  expect(world.leaders()).toEqual(['p02', 'p03'])
  world.heal()
  // p03 has heard that p02 leads, and stands still from then on.
  const knows = (): boolean => {
    const { classic } = world.peer('p03')
    const claim = classic?.seats.get('e')?.claims.get('p02')
    return claim?.reign != null && classic?.contacts.get('p02')?.isLinked === true
  }
  expect(world.run(1_000, knows)).toBe(true)
  world.split(['p01', 'p02'], ['p03'])
  world.pause('p03', 2_000)
  world.run(1_900)
  const { length } = world.happened
  // The first that happens in it afterwards is no wake.
  world.peer('p03').pausedUntil = 0
  world.leave('p03')
  const told = world.happened.slice(length).filter(({ peer, is }) => peer === 'p03' && is === 'follows')
  expect(told).toMatchObject([{ reign: null }])
})

test('a COORDINATOR that was lost is told again', () => {
  const world = settled(3)
  world.cut('p03', 'p01')
  const { session } = world.peer('p03')
  world.feed('p03', { type: 'campaign', election: 'f', session, priority: 0, metadata: {}, tag: 9 })
  world.run(130)
  expect(world.leaders('f')).toEqual(['p03'])
  expect(world.followed('p01', 'f')).toBe(null)
  world.heal()
  world.run(3 * world.heartbeatMs)
  expect(world.followed('p01', 'f')).toBe('p03')
  world.cut('p03', 'p01')
  world.leave('p03', 'f')
  world.run(60)
  world.heal()
  world.run(3 * world.heartbeatMs)
  expect(world.followed('p01', 'f')).toBe(null)
})

test('numbers that no peer of this version sends are refused', () => {
  const world = settled(2)
  const stamp = { incarnation: 1, at: 0, revision: 0, echo: null }
  const answer = { type: 'answer', election: 'e', round: 1, highest: 2 ** 53, isBetter: false } as const
  expect(() => world.deliver('p02', 'p01', { stamp, body: answer })).toThrow(
    expect.objectContaining({ code: 'PROTOCOL_ERROR' }),
  )
})
