/** In one election with Curator's and kazoo's own candidates: both directions, gracefully and by a crash, and never two. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CandidateProcess, monotonicMs } from '../../chaos/candidate-process.ts'
import { judge } from '../../chaos/oracle.ts'
import { eventually } from '../../integration/loopback.ts'
import { ZooKeeperServers } from '../zookeeper.ts'
import { childrenOf } from './bare-client.ts'
import { NativePeers, type NativePeer, type NativeRecipe } from './native-peers.ts'

const tickMs = 200
const sessionMs = 2000

let servers: ZooKeeperServers
let native: NativePeers
let count = 0
let ours: CandidateProcess[] = []
let theirs: NativePeer[] = []

beforeAll(async () => {
  native = new NativePeers()
  servers = await ZooKeeperServers.start({ tickMs })
}, 120_000)
afterAll(async () => {
  native.close()
  await servers.close()
})
afterEach(async () => {
  for (const each of [...ours, ...theirs]) each.kill('SIGKILL')
  await Promise.all([...ours, ...theirs].map(({ ended }) => ended))
  ours = []
  theirs = []
})

const cases: readonly (readonly [string, NativeRecipe, string])[] = [
  ["Curator's LeaderLatch", 'latch', 'curator-latch'],
  ["Curator's LeaderSelector", 'selector', 'curator-lock'],
  ["kazoo's Election", 'kazoo', 'kazoo'],
]

describe.each(cases)('beside %s', (_, recipe, dialect) => {
  const election = () => `interop-${count}`
  const path = () => `/shared/${election()}`
  const our = (id: string): CandidateProcess => {
    const options = { servers: servers.addresses, sessionMs, dialect, chroot: '/shared' }
    const backend = { module: 'mandate/zookeeper', factory: 'zookeeper', options }
    const candidate = new CandidateProcess({ backend, id, election: election(), observes: true })
    ours.push(candidate)
    return candidate
  }
  const their = (id: string): NativePeer => {
    const peer = native.start(recipe, [servers.addresses.join(','), path(), id, String(sessionMs)])
    theirs.push(peer)
    return peer
  }
  const standing = (candidates: number) =>
    eventually(`${candidates} to stand`, async () => {
      const names = await childrenOf(servers.addresses, path())
      return names.length === candidates ? true : undefined
    })
  const verdict = () =>
    judge(
      ours,
      theirs.flatMap((peer) => peer.tenures()),
    )
  const seesTheirs = (observer: CandidateProcess, id: string) =>
    eventually(`${observer.id} to see ${id}`, () =>
      observer.told('observed').at(-1)?.leader === id ? true : undefined,
    )

  it('leads after it and before it, gracefully, and each sees the other', async () => {
    count += 1
    const a = our('ours-1')
    const first = await a.leadership()
    const b = their('theirs-1')
    await standing(2)
    expect(await b.who()).toBe('ours-1')
    a.resign()
    await b.leadership(first.at)
    await seesTheirs(a, 'theirs-1')
    expect(await b.who()).toBe('theirs-1')
    const before = monotonicMs()
    await standing(2)
    b.order('resign')
    await a.leadership(before)
    await seesTheirs(a, 'ours-1')
    expect(verdict()).toMatchObject({
      overlapMs: 0,
      operatorOverlapMs: 0,
      tokenRegressions: 0,
      leaderships: 3,
    })
  })

  it('leads after its crash and before it after ours', async () => {
    count += 1
    const b = their('theirs-1')
    await b.leadership()
    const a = our('ours-1')
    await standing(2)
    b.kill()
    const killedAt = monotonicMs()
    const led = await a.leadership()
    expect(led.at - killedAt).toBeLessThan(sessionMs + tickMs + 1500)
    const c = their('theirs-2')
    await standing(2)
    a.kill('SIGKILL')
    await c.leadership()
    expect(await c.who()).toBe('theirs-2')
    expect(verdict()).toMatchObject({
      overlapMs: 0,
      operatorOverlapMs: 0,
      tokenRegressions: 0,
      leaderships: 3,
    })
  })

  it('takes turns with it, ours and theirs mixed in one queue', async () => {
    count += 1
    const a = our('ours-1')
    await a.leadership()
    const queue = [their('theirs-1'), our('ours-2'), their('theirs-2')]
    await standing(4)
    const all = [a, ...queue]
    for (let turn = 0; turn < 8; turn += 1) {
      const leader = await eventually('a leader', () => all.find((each) => each.leads))
      if (leader instanceof CandidateProcess) leader.resign()
      else leader.order('resign')
      await eventually('it to resign', () => (leader.leads ? undefined : true))
      await standing(4)
    }
    const { leaderships, ...rest } = verdict()
    expect(rest).toEqual({ overlapMs: 0, operatorOverlapMs: 0, tokenRegressions: 0 })
    expect(leaderships).toBeGreaterThanOrEqual(8)
    // First come, first served, whoever they are.
    for (const each of ours) expect(each.told('led').length).toBeGreaterThanOrEqual(2)
    for (const each of theirs) expect(each.tenures().length).toBeGreaterThanOrEqual(2)
  })
})
