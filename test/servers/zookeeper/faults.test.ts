/**
 * Two candidates in processes of their own, on a real ensemble, while it, they or the network between are hurt. What they
 * believed is judged from what they told: for how long two of them were right to think that they lead must be 0 ms.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CandidateProcess, monotonicMs } from '../../chaos/candidate-process.ts'
import { judge } from '../../chaos/oracle.ts'
import { eventually } from '../../integration/loopback.ts'
import { FaultProxy } from '../proxy.ts'
import { ZooKeeperServers } from '../zookeeper.ts'
import { bareClient, childrenOf } from './bare-client.ts'

const tickMs = 200
const sessionMs = 1500

let ensemble: ZooKeeperServers
let count = 0
const stages: Stage[] = []

beforeAll(async () => {
  // Followers bear with a silent leader for 4 s, much longer than a session lasts.
  ensemble = await ZooKeeperServers.start({ members: 3, tickMs, syncLimit: 20 })
}, 60_000)
afterAll(() => ensemble.close())
afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close()
  for (const member of ensemble.members) {
    member.cont()
    if (!member.process.running) await member.restart()
  }
  await ensemble.serving()
})

/** One election, its candidates, and an end for all of it. */
class Stage {
  readonly election: string
  readonly candidates: CandidateProcess[] = []
  readonly #proxies: FaultProxy[] = []

  constructor() {
    count += 1
    this.election = `faults-${count}`
    stages.push(this)
  }

  candidate(id: string, servers: readonly string[] = ensemble.addresses): CandidateProcess {
    const options = { servers, sessionMs, serverTickMs: tickMs, chroot: '/chaos' }
    const candidate = new CandidateProcess({
      backend: { module: 'mandate/zookeeper', factory: 'zookeeper', options },
      id,
      election: this.election,
    })
    this.candidates.push(candidate)
    return candidate
  }

  async proxies(servers: readonly string[] = ensemble.addresses): Promise<FaultProxy[]> {
    const proxies = await FaultProxy.toAll(servers)
    this.#proxies.push(...proxies)
    return proxies
  }

  /** `a` leads and `b` waits behind it. */
  async queue(a: CandidateProcess, b: () => CandidateProcess): Promise<CandidateProcess> {
    await a.leadership()
    const second = b()
    await eventually('b to wait', async () => {
      const names = await childrenOf(ensemble.addresses, `/chaos/${this.election}`)
      return names.length >= 2 ? true : undefined
    })
    return second
  }

  async close(): Promise<void> {
    for (const candidate of this.candidates) candidate.kill('SIGKILL')
    await Promise.all(this.candidates.map(({ ended }) => ended))
    await Promise.all(this.#proxies.map((proxy) => proxy.close()))
  }

  verdict() {
    return judge(this.candidates)
  }
}

const addressesOf = (proxies: readonly FaultProxy[]) => proxies.map(({ address }) => address)
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const clean = { overlapMs: 0, operatorOverlapMs: 0, tokenRegressions: 0 }

describe('the ZooKeeper leader', () => {
  it('that is killed costs no overlap, and the election goes on', async () => {
    const stage = new Stage()
    const a = stage.candidate('a')
    const b = await stage.queue(a, () => stage.candidate('b'))
    await (await ensemble.leader()).kill()
    await pause(3 * sessionMs)
    const leader = await eventually('a leader', () => [a, b].find((each) => each.leads !== undefined))
    leader.close()
    await (leader === a ? b : a).leadership(monotonicMs() - 1)
    expect(stage.verdict()).toMatchObject(clean)
  })

  it.each([
    ['shortly', 300],
    ['for less than a session', 1100],
    ['for longer than a session', 2500],
    ['until the others leave it', 6000],
  ])(
    'that is paused %s (%i ms) makes no second leader, wherever the first is connected',
    async (_, pauseMs) => {
      const zookeeperLeader = await ensemble.leader()
      const followers = ensemble.addresses.filter((address) => address !== zookeeperLeader.address)
      const stages = [new Stage(), new Stage()] as const
      const firsts = [
        stages[0].candidate('a', followers),
        stages[1].candidate('a', [zookeeperLeader.address]),
      ] as const
      const seconds = await Promise.all(
        firsts.map((first, index) =>
          stages[index]!.queue(first, () => stages[index]!.candidate('b', followers)),
        ),
      )
      for (let round = 0; round < 3; round += 1) {
        zookeeperLeader.stop()
        await pause(pauseMs)
        zookeeperLeader.cont()
        await pause(sessionMs)
      }
      for (const [index, stage] of stages.entries()) {
        await eventually('a leader', () =>
          [firsts[index]!, seconds[index]!].find((each) => each.leads !== undefined),
        )
        expect(stage.verdict(), `connected to the ${index === 0 ? 'followers' : 'leader'}`).toMatchObject(
          clean,
        )
      }
    },
  )
})

describe('the ZooKeeper leader, paused behind a follower that answers,', () => {
  // What the follower answered meanwhile never reached the leader, which expires the session as soon as it goes on.
  it('gives nobody time that it does not know of', async () => {
    const stage = new Stage()
    const zookeeperLeader = await ensemble.leader()
    const followers = ensemble.addresses.filter((address) => address !== zookeeperLeader.address)
    const proxies = await stage.proxies(followers)
    const a = stage.candidate('a', addressesOf(proxies))
    const b = await stage.queue(a, () => stage.candidate('b', followers))
    zookeeperLeader.stop()
    await pause(2500)
    for (const proxy of proxies) proxy.blackHole()
    zookeeperLeader.cont()
    await b.leadership()
    for (const proxy of proxies) await proxy.heal()
    await eventually('a to lose', () => a.told('lost')[0])
    expect(stage.verdict()).toMatchObject({ ...clean, leaderships: 2 })
  })
})

describe('a server', () => {
  it('that stops answering is left for another one, by the same session: the leadership goes on', async () => {
    const stage = new Stage()
    const follower = await ensemble.follower()
    const others = ensemble.addresses.filter((address) => address !== follower.address)
    const proxies = await stage.proxies([follower.address, ...others])
    // The follower first: the others are not there yet.
    for (const proxy of proxies.slice(1)) await proxy.refuse()
    const a = stage.candidate('a', addressesOf(proxies))
    const led = await a.leadership()
    for (const proxy of proxies.slice(1)) await proxy.heal()
    follower.stop()
    await pause(2 * sessionMs)
    follower.cont()
    expect(a.leads?.token).toBe(led.token)
    expect(a.told('lost')).toEqual([])
  })
})

describe('our leader', () => {
  it('that is stopped past its session believes nothing when it goes on', async () => {
    const stage = new Stage()
    const a = stage.candidate('a')
    const b = await stage.queue(a, () => stage.candidate('b'))
    a.stop()
    const stoppedAt = monotonicMs()
    const led = await b.leadership()
    a.cont()
    await eventually('a to lose', () => a.told('lost')[0])
    // Granted timeout and a tick, half a tick through a follower, and what a busy machine takes.
    expect(led.at - stoppedAt).toBeLessThan(sessionMs + 1.5 * tickMs + 1000)
    expect(a.told('valid').filter(({ at }) => at > led.at)).toEqual([])
    expect(stage.verdict()).toMatchObject({ ...clean, leaderships: 2 })
  })

  it('whose event loop is blocked past its session believes nothing while it is, and says so', async () => {
    const stage = new Stage()
    const a = stage.candidate('a')
    const b = await stage.queue(a, () => stage.candidate('b'))
    a.block(2 * sessionMs)
    const led = await b.leadership()
    await eventually('a to lose', () => a.told('lost')[0])
    expect(a.told('valid').filter(({ at }) => at > led.at)).toEqual([])
    expect(stage.verdict()).toMatchObject({ ...clean, leaderships: 2 })
  })

  it('that is killed is followed when its session has run out', async () => {
    const stage = new Stage()
    const a = stage.candidate('a')
    const b = await stage.queue(a, () => stage.candidate('b'))
    a.kill('SIGKILL')
    const killedAt = monotonicMs()
    const led = await b.leadership(killedAt)
    expect(led.at - killedAt).toBeLessThan(sessionMs + 1.5 * tickMs + 1000)
    expect(stage.verdict()).toMatchObject(clean)
  })

  it('that loses its znode to an operator is told so, within the latency of a watch', async () => {
    const stage = new Stage()
    const a = stage.candidate('a')
    const b = await stage.queue(a, () => stage.candidate('b'))
    const client = await bareClient(ensemble.addresses)
    const names = (await childrenOf(ensemble.addresses, `/chaos/${stage.election}`)).toSorted((x, y) =>
      x.slice(-10) < y.slice(-10) ? -1 : 1,
    )
    await client.delete(`/chaos/${stage.election}/${names[0]}`)
    client.close()
    await b.leadership()
    const lost = await eventually('a to lose', () => a.told('lost')[0])
    expect(lost.reason).toBe('revoked')
    const verdict = stage.verdict()
    expect(verdict).toMatchObject({ overlapMs: 0, tokenRegressions: 0 })
    expect(verdict.operatorOverlapMs).toBeLessThan(500)
  })
})

describe('the network', () => {
  it.each([1, 2, 3])('as a black hole before the leader makes no second one (%i)', async () => {
    const stage = new Stage()
    const proxies = await stage.proxies()
    const a = stage.candidate('a', addressesOf(proxies))
    const b = await stage.queue(a, () => stage.candidate('b'))
    for (const proxy of proxies) proxy.blackHole()
    await b.leadership()
    for (const proxy of proxies) await proxy.heal()
    await eventually('a to lose', () => a.told('lost')[0])
    await pause(sessionMs)
    expect(stage.verdict()).toMatchObject({ ...clean, leaderships: 2 })
  })

  it('that cuts connections in the middle of frames costs no leadership', async () => {
    const stage = new Stage()
    const proxies = await stage.proxies()
    const a = stage.candidate('a', addressesOf(proxies))
    const led = await a.leadership()
    for (const bytes of [1, 2, 3, 5, 7, 11, 17, 19, 23]) {
      for (const proxy of proxies) proxy.cutAfter(bytes)
      await eventually('a cut', () => proxies.find(({ armed }) => !armed))
      for (const proxy of proxies) await proxy.heal()
      await pause(sessionMs / 3)
    }
    expect(a.told('lost')).toEqual([])
    expect(a.leads?.token).toBe(led.token)
    expect(a.stderr).toBe('')
  })

  it('that resets connections costs no leadership', async () => {
    const stage = new Stage()
    const proxies = await stage.proxies()
    const a = stage.candidate('a', addressesOf(proxies))
    const led = await a.leadership()
    for (let round = 0; round < 10; round += 1) {
      for (const proxy of proxies) proxy.reset()
      await pause(100)
    }
    await pause(sessionMs)
    expect(a.told('lost')).toEqual([])
    expect(a.leads?.token).toBe(led.token)
  })

  it('that loses the answer to the campaign leaves one znode, which leads', async () => {
    for (let round = 0; round < 3; round += 1) {
      const stage = new Stage()
      const proxies = await stage.proxies()
      // `create2` is operation 15: length, xid, type.
      for (const proxy of proxies)
        proxy.loseReply((piece) => isOperation(piece, 15) && piece.includes('-latch-'), 50)
      const a = stage.candidate('a', addressesOf(proxies))
      await a.leadership()
      expect(proxies.some(({ armed }) => !armed)).toBe(true)
      expect(await childrenOf(ensemble.addresses, `/chaos/${stage.election}`)).toHaveLength(1)
      const b = stage.candidate('b')
      a.close()
      await b.leadership()
      expect(stage.verdict()).toMatchObject(clean)
    }
  })
})

/** Whether one of the frames in a piece is of this operation. */
function isOperation(piece: Buffer, type: number): boolean {
  for (let at = 0; at + 12 <= piece.length; at += 4 + piece.readInt32BE(at))
    if (piece.readInt32BE(at + 8) === type) return true
  return false
}
