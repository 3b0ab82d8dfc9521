/** `tuning: 'adaptive'` in whole peers, on virtual time. */
import { afterEach, describe, expect, it } from 'vitest'
import type { RaftMessage } from '../protocols/raft/types.ts'
import { raftWorld, type RaftWorld, type RaftWorldOptions } from '../testing/raft-world.ts'

let world: RaftWorld
afterEach(() => world.close())

interface Heard {
  readonly at: number
  readonly from: string
  readonly to: string
  readonly message: RaftMessage<unknown>
}

/** Three peers that have led each other for a while; what they hear of Raft from then on. */
async function settled(
  options: RaftWorldOptions,
): Promise<{ readonly heard: Heard[]; readonly leader: string }> {
  world = raftWorld({ timing: 'default', delayMs: [0.3, 0.7], ...options })
  await world.start()
  const heard: Heard[] = []
  for (const to of ['a', 'b', 'c']) {
    const events = world.eventsOf(to)
    if (events === undefined) throw new Error(`${to} does not listen`)
    const { peerMessage } = events
    events.peerMessage = (from, message) => {
      if (message.kind === 'raft')
        heard.push({ at: world.clock.trueMs(), from, to, message: message.message })
      peerMessage(from, message)
    }
  }
  await world.advance(10_000)
  const leader = heard.findLast(({ message }) => message.type === 'heartbeat')?.from
  if (leader === undefined) throw new Error('nobody leads')
  heard.length = 0
  return { heard, leader }
}

/** Until another than `leader` was first heard to ask for votes. */
async function noticed(heard: readonly Heard[], leader: string): Promise<number> {
  const since = world.clock.trueMs()
  const asks = (): boolean =>
    heard.some(({ from, message }) => from !== leader && message.type === 'pre-vote' && message.term > 0)
  await world.until(asks, 'somebody asks for votes', 3000)
  return world.clock.trueMs() - since
}

const beatsOf = (heard: readonly Heard[], to: string): Heard[] =>
  heard.filter((each) => each.to === to && each.message.type === 'heartbeat')

describe('adaptive tuning', () => {
  it('notices a silent leader much sooner than fixed timeouts do', async () => {
    const fixed = await settled({ tuning: 'fixed' })
    world.network.isolate(fixed.leader)
    const fixedMs = await noticed(fixed.heard, fixed.leader)
    await world.close()
    const adaptive = await settled({ tuning: 'adaptive' })
    world.network.isolate(adaptive.leader)
    const adaptiveMs = await noticed(adaptive.heard, adaptive.leader)
    expect(fixedMs).toBeGreaterThan(400)
    expect(adaptiveMs).toBeLessThan(250)
  })

  it('beats faster on a fast network, and every ordinary beat is still among the beats', async () => {
    const { heard, leader } = await settled({ tuning: 'adaptive' })
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? ''
    await world.advance(9375)
    const beats = beatsOf(heard, follower).length
    // 93.75 ms apart without tuning; three times as many with it.
    expect(beats).toBeGreaterThanOrEqual(295)
    expect(beats).toBeLessThanOrEqual(305)
  })

  it('keeps to what is configured where the network is too slow to be worth it', async () => {
    const { heard, leader } = await settled({ tuning: 'adaptive', delayMs: [240, 260] })
    const follower = ['a', 'b', 'c'].find((id) => id !== leader) ?? ''
    await world.advance(9375)
    expect(beatsOf(heard, follower).length).toBeLessThanOrEqual(102)
    expect(heard.some(({ message }) => message.type === 'heartbeat' && message.pulse !== undefined)).toBe(
      false,
    )
  })

  it('elects nobody else while followers stall for as long as the configured timeout', async () => {
    const { heard, leader } = await settled({ tuning: 'adaptive' })
    const followers = ['a', 'b', 'c'].filter((id) => id !== leader)
    for (let round = 0; round < 20; round++) {
      await world.clockOf(followers[round % 2] ?? '').stallAsync(500)
      await world.advance(700)
    }
    const asked = heard.filter(({ message }) => message.type === 'pre-vote' || message.type === 'vote')
    expect(asked).toEqual([])
  })

  it('after a pause of its own process waits as long again before it asks: what was sent meanwhile comes late', async () => {
    const { heard, leader } = await settled({ tuning: 'adaptive' })
    for (const paused of ['a', 'b', 'c'].filter((id) => id !== leader)) {
      world.network.cut(leader, paused)
      await world.clockOf(paused).stallAsync(400)
      // As TCP does when the other end is back: nothing at once, then all.
      await world.advance(300)
      world.network.heal(leader, paused)
      await world.advance(5000)
    }
    expect(heard.filter(({ message }) => message.type === 'pre-vote')).toEqual([])
  })

  it('elects nobody else when the network gets ten times slower at once, and recovers its speed', async () => {
    const { heard, leader } = await settled({ tuning: 'adaptive' })
    world.network.delay(5, 10)
    await world.advance(10_000)
    world.network.delay(0.3, 0.7)
    await world.advance(10_000)
    expect(heard.filter(({ message }) => message.type === 'vote')).toEqual([])
    world.network.isolate(leader)
    heard.length = 0
    expect(await noticed(heard, leader)).toBeLessThan(250)
  })

  it('beside peers that are not tuned leads and follows as those are configured', async () => {
    const { heard, leader } = await settled({ tuningOf: (id) => (id === 'a' ? 'adaptive' : 'fixed') })
    world.network.isolate(leader)
    const rest = ['a', 'b', 'c'].filter((id) => id !== leader)
    await world.until(
      () =>
        beatsOf(heard, rest[0] ?? '')
          .concat(beatsOf(heard, rest[1] ?? ''))
          .some(({ from }) => from !== leader),
      'another leads',
      5000,
    )
  })
})
