/** The checklist of what breaks the literal bully (B1-B10), for the bully with a quorum. */
import { describe, expect, it } from 'vitest'
import { flapped } from './damping.ts'
import { SmallWorld, type SmallWorldOptions } from './testing/small-world.ts'

/** Everybody campaigns for 'e', and somebody leads. */
function ledWorld(options: SmallWorldOptions): SmallWorld {
  const world = new SmallWorld(options)
  world.run(20)
  for (const id of world.ids) world.campaign(id, 'e')
  expect(world.run(5_000, () => world.leaders('e').length === 1)).toBe(true)
  world.run(500)
  return world
}

function leaderOf(world: SmallWorld): string {
  const [leader] = world.leaders('e')
  if (leader === undefined) throw new Error('nobody leads')
  return leader
}

describe('B1: any single crash, and any order of recovery', () => {
  for (const victim of ['p01', 'p02', 'p03', 'p04', 'p05']) {
    it(`${victim} of five`, () => {
      const world = ledWorld({ peers: 5 })
      expect(leaderOf(world)).toBe('p05')
      world.crash(victim)
      const alive = world.ids.filter((id) => id !== victim)
      expect(world.run(3_000, () => leadsOf(world).some((id) => alive.includes(id)))).toBe(true)
      world.run(1_000)
      // The highest of those that live; whoever led already is not pushed out.
      expect(world.leaders('e')).toEqual([alive.at(-1)])
      world.start(victim)
      world.run(20)
      world.campaign(victim, 'e')
      world.run(2_000)
      expect(world.leaders('e')).toEqual([alive.at(-1)])
    })
  }

  it('two of five at once, back in either order', () => {
    for (const [first, second] of [
      ['p05', 'p04'],
      ['p04', 'p05'],
    ] as const) {
      const world = ledWorld({ peers: 5 })
      world.crash('p05')
      world.crash('p04')
      expect(world.run(3_000, () => world.leaders('e').includes('p03'))).toBe(true)
      for (const id of [first, second]) {
        world.start(id)
        world.run(300)
        world.campaign(id, 'e')
        world.run(300)
      }
      expect(world.leaders('e')).toEqual(['p03'])
      world.leave('p03', 'e')
      expect(world.run(1_000, () => world.leaders('e').length === 1)).toBe(true)
      expect(leaderOf(world)).toBe('p05')
    }
  })

  it('a majority down: nobody leads, until one of them is back', () => {
    const world = ledWorld({ peers: 3 })
    world.crash('p02')
    world.crash('p03')
    world.run(3_000)
    expect(world.leaders('e')).toEqual([])
    world.start('p02')
    expect(world.run(3_000, () => world.leaders('e').length === 1)).toBe(true)
    expect(leaderOf(world)).toBe('p01')
  })
})

describe('B8: two stand at once, and the third that could decide between them is dead', () => {
  it('the better one wins the first round, and no vote is split', () => {
    const world = new SmallWorld({ peers: 3, delayMs: 5 })
    world.run(50)
    world.crash('p01')
    world.run(100)
    for (const id of ['p02', 'p03']) world.campaign(id, 'e')
    expect(world.run(60, () => world.leaders('e').includes('p03'))).toBe(true)
  })
})

describe('B2: the highest flaps', () => {
  for (const preemptAfterMs of [null, 3_000]) {
    it(`each second for a minute: at most one hand-over (${preemptAfterMs ?? 'no'} preemption)`, () => {
      const world = ledWorld({ peers: 3, preemptAfterMs })
      world.crash('p03')
      expect(world.run(3_000, () => world.leaders('e').includes('p02'))).toBe(true)
      const before = world.wins.length
      for (let second = 0; second < 60; second++) {
        world.start('p03')
        world.run(20)
        world.campaign('p03', 'e')
        world.run(480)
        world.crash('p03')
        world.run(500)
      }
      expect(world.wins.length - before).toBeLessThanOrEqual(1)
      expect(world.leaders('e')).toEqual(['p02'])
    })
  }

  it('stays up, and preemption was asked for: the leader hands over, once', () => {
    const world = ledWorld({ peers: 3, preemptAfterMs: 3_000 })
    world.crash('p03')
    expect(world.run(3_000, () => world.leaders('e').includes('p02'))).toBe(true)
    world.start('p03')
    world.run(20)
    world.campaign('p03', 'e')
    world.run(2_500)
    expect(world.leaders('e')).toEqual(['p02'])
    expect(world.run(5_000, () => world.leaders('e').includes('p03'))).toBe(true)
    world.run(10_000)
    expect(world.leaders('e')).toEqual(['p03'])
  })

  it('believes that it flapped, as a peer that stood still does, and nobody else does: it stands at once', () => {
    const world = ledWorld({ peers: 5 })
    const { bully } = world.peers.get('p04') ?? {}
    if (bully == null) throw new Error('p04 is dead')
    for (let time = 0; time < 3; time++) flapped(bully.damping, 'p04', world.now)
    world.leave('p05', 'e')
    expect(world.run(100, () => world.leaders('e').includes('p04'))).toBe(true)
  })

  it('went down three times within seconds: it comes last, until it has been quiet', () => {
    const world = ledWorld({ peers: 3 })
    for (let time = 0; time < 3; time++) {
      world.crash('p03')
      world.run(300)
      world.start('p03')
      world.run(20)
      world.campaign('p03', 'e')
      world.run(100)
    }
    expect(world.run(1_000, () => world.leaders('e').includes('p02'))).toBe(true)
    world.leave('p02', 'e')
    expect(world.run(1_000, () => world.leaders('e').length === 1)).toBe(true)
    expect(leaderOf(world)).toBe('p01')
    world.campaign('p02', 'e')
    world.run(10_000)
    world.leave('p01', 'e')
    expect(world.run(1_000, () => world.leaders('e').length === 1)).toBe(true)
    expect(leaderOf(world)).toBe('p03')
  })
})

describe('B3: partitions of five', () => {
  const ids = ['p01', 'p02', 'p03', 'p04', 'p05']
  const subsets = Array.from({ length: 30 }, (_, at) => ids.filter((_id, place) => ((at + 1) >> place) & 1))
  for (const kind of ['both ways', 'one way'] as const) {
    it(`${kind}: the side with the majority is led, the other never beside it`, () => {
      for (const side of subsets) {
        const world = ledWorld({ peers: 5 })
        const rest = ids.filter((id) => !side.includes(id))
        if (kind === 'both ways') world.split(side, rest)
        else world.split(side)
        // `run` itself checks that never two lead.
        world.run(3_000)
        const majority = side.length > rest.length ? side : rest
        const leaders = world.leaders('e')
        if (kind === 'both ways') {
          expect(leaders, `${side.join()} apart`).toHaveLength(1)
          expect(majority, `${side.join()} apart`).toContain(leaders[0])
        }
        world.heal()
        expect(
          world.run(5_000, () => world.leaders('e').length === 1),
          `${side.join()} healed`,
        ).toBe(true)
        const epochs = world.wins.map(({ epoch }) => epoch)
        expect(new Set(epochs).size).toBe(epochs.length)
      }
    })
  }

  it('each single way cut: somebody leads all the same', () => {
    for (const from of ids) {
      for (const to of ids) {
        if (from === to) continue
        const world = ledWorld({ peers: 5 })
        world.cut(from, to)
        world.run(2_000)
        expect(world.leaders('e')).toHaveLength(1)
      }
    }
  })
})

describe('B4: a COORDINATOR of an older epoch', () => {
  it('comes late and says nothing', () => {
    const world = ledWorld({ peers: 3 })
    const stale = world.peer('p01').observed.at(-1)?.led
    world.leave('p03', 'e')
    expect(world.run(1_000, () => world.leaders('e').includes('p02'))).toBe(true)
    world.run(100)
    if (stale == null) throw new Error('p01 saw nobody lead')
    const seen = world.peer('p01').observed.length
    world.feed('p01', {
      type: 'message',
      from: 'p03',
      message: { type: 'led', note: 99, election: 'e', ...stale },
    })
    expect(world.peer('p01').observed.length).toBe(seen)
    world.run(1_000)
    expect(world.leaders('e')).toEqual(['p02'])
  })
})

describe('B5: the same id twice', () => {
  it('is refused while the other is connected', () => {
    const world = ledWorld({ peers: 3 })
    const twin = { session: 'twin', epoch: 1, id: 'p03', leaseMs: 300, host: { peer: 'p01', incarnation: 1 } }
    world.peer('p01').facts = twin
    world.feed('p01', { type: 'open', of: twin })
    world.run(200)
    expect(world.peer('p01').news.at(-1)).toEqual({ type: 'duplicate' })
  })

  it('is let in when the other has been silent, and inherits nothing', () => {
    const world = ledWorld({ peers: 3 })
    const [first] = world.wins
    world.crash('p03')
    world.run(500)
    world.start('p03')
    world.run(20)
    world.campaign('p03', 'e')
    world.run(2_000)
    expect(world.wins.filter(({ epoch }) => epoch === first?.epoch)).toHaveLength(1)
    expect(world.peer('p03').news).toContainEqual({ type: 'opened', epoch: 1 })
  })
})

describe('B6: messages per failover', () => {
  for (const exclusivity of ['time', 'token'] as const) {
    it(`grow with the number of peers, not with its square (${exclusivity})`, () => {
      for (const peers of [3, 5, 9, 17, 31]) {
        const world = ledWorld({ peers, exclusivity })
        world.run(1_000)
        const before = world.electionMessages()
        world.crash(leaderOf(world))
        expect(world.run(3_000, () => world.wins.length === 2)).toBe(true)
        world.run(200)
        expect(world.electionMessages() - before).toBeLessThanOrEqual(14 * peers)
      }
    })
  }
})

describe('B7: all start at once', () => {
  it('and the highest leads, soon', () => {
    for (const peers of [3, 5, 9]) {
      const world = new SmallWorld({ peers })
      for (const id of world.ids) world.campaign(id, 'e')
      expect(world.run(1_000, () => world.leaders('e').length === 1)).toBe(true)
      world.run(1_000)
      expect(world.leaders('e')).toEqual([world.ids.at(-1)])
    }
  })
})

describe('B8: a slow highest one', () => {
  it('does not starve the others', () => {
    const world = ledWorld({ peers: 3 })
    world.leave('p03', 'e')
    expect(world.run(1_000, () => world.leaders('e').includes('p02'))).toBe(true)
    // Ten times as late as anybody waits for an answer; its keepalives come all the same, late and regular.
    world.peer('p03').slowMs = 500
    world.campaign('p03', 'e')
    world.run(1_000)
    world.leave('p02', 'e')
    expect(world.run(3_000, () => world.leaders('e').length === 1)).toBe(true)
  })
})

describe('B9: a restart', () => {
  it('keeps the vote: no epoch is given twice', () => {
    const world = ledWorld({ peers: 3 })
    for (let round = 0; round < 10; round++) {
      const leader = world.leaders('e')[0]
      for (const id of world.ids) world.crash(id)
      for (const id of world.ids) world.start(id)
      world.run(20)
      for (const id of world.ids) world.campaign(id, 'e')
      expect(
        world.run(3_000, () => world.leaders('e').length === 1),
        `after ${leader}`,
      ).toBe(true)
    }
    const epochs = world.wins.map(({ epoch }) => epoch)
    expect(epochs).toEqual([...new Set(epochs)].toSorted((a, b) => a - b))
  })
})

describe('B10: a partition heals', () => {
  it('and the old leader has stopped before anybody hears of the new one', () => {
    const world = ledWorld({ peers: 5 })
    world.split(['p05', 'p01'], ['p02', 'p03', 'p04'])
    expect(world.run(3_000, () => world.leaders('e').includes('p04'))).toBe(true)
    expect(world.isValid('p05', 'e')).toBe(false)
    world.heal()
    expect(world.run(3_000, () => world.peer('p05').observed.at(-1)?.led?.stand.of.id === 'p04')).toBe(true)
    expect(world.leaders('e')).toEqual(['p04'])
  })
})

describe('transfer', () => {
  it('goes to whoever was named, whatever its rank', () => {
    const world = ledWorld({ peers: 5 })
    world.leave('p05', 'e', 'p02')
    expect(world.run(1_000, () => world.leaders('e').length === 1)).toBe(true)
    expect(leaderOf(world)).toBe('p02')
  })
})

describe('whoever has resigned', () => {
  it('abstains until it campaigns again', () => {
    const world = ledWorld({ peers: 3 })
    world.leave('p03', 'e')
    expect(world.run(1_000, () => world.leaders('e').includes('p02'))).toBe(true)
    world.leave('p02', 'e')
    expect(world.run(1_000, () => world.leaders('e').includes('p01'))).toBe(true)
    world.leave('p01', 'e')
    world.run(3_000)
    expect(world.leaders('e')).toEqual([])
    world.campaign('p01', 'e')
    expect(world.run(1_000, () => world.leaders('e').includes('p01'))).toBe(true)
  })

  it('ranks last until somebody else has led, when it campaigns again at once', () => {
    const world = ledWorld({ peers: 3 })
    for (const next of ['p02', 'p03', 'p02']) {
      const leader = leaderOf(world) ?? ''
      world.leave(leader, 'e')
      world.campaign(leader, 'e')
      expect(world.run(1_000, () => world.leaders('e').length === 1)).toBe(true)
      expect(leaderOf(world)).toBe(next)
    }
  })
})

function leadsOf(world: SmallWorld): string[] {
  return world.leaders('e')
}
