/**
 * A ZooKeeper leader that is cut off from the others serves its own clients for up to a tick after these have elected
 * another, who counts every session from then. What it says in that time must renew nothing.
 */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CandidateProcess, monotonicMs } from '../../chaos/candidate-process.ts'
import { judge } from '../../chaos/oracle.ts'
import { eventually } from '../../integration/loopback.ts'
import { FaultProxy } from '../proxy.ts'
import { ZooKeeperServers } from '../zookeeper.ts'

const tickMs = 1500
const sessionMs = 2 * tickMs

let ensemble: ZooKeeperServers
const ends: (() => unknown)[] = []

beforeAll(async () => {
  ensemble = await ZooKeeperServers.start({
    ...{ members: 3, tickMs, syncLimit: 2, divisible: true },
    // If one of the others misses the leader a moment before the other one does, it is told that there is one, tries to follow
    // it, and gives up after so many ticks.
    config: { initLimit: '4' },
  })
}, 60_000)
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
  await ensemble.close()
})

function candidate(id: string, servers: readonly string[]): CandidateProcess {
  const options = { servers, sessionMs, serverTickMs: tickMs, chroot: '/chaos' }
  const backend = { module: 'mandate/zookeeper', factory: 'zookeeper', options }
  const started = new CandidateProcess({ backend, id, election: 'deposed' })
  ends.push(() => started.kill('SIGKILL'))
  return started
}

it(
  'a leader at the side of a deposed ZooKeeper leader believes no longer than the others count',
  { timeout: 200_000 },
  async () => {
    const deposed = await ensemble.leader()
    const others = ensemble.members.filter((member) => member !== deposed)
    const proxy = await FaultProxy.to(deposed.address)
    ends.push(() => proxy.close())
    const a = candidate('a', [proxy.address])
    await a.leadership()
    const b = candidate(
      'b',
      others.map(({ address }) => address),
    )
    await eventually('b to start', () => b.told('ready')[0])
    ensemble.cutOff(deposed)
    // A new connection, again and again: the deposed leader takes its session each time.
    const resets = setInterval(() => proxy.reset(), 300)
    ends.push(() => clearInterval(resets))
    const electedAt = await eventually(
      'another ZooKeeper leader',
      async () => {
        for (const other of others) if ((await other.mode()) === 'leader') return monotonicMs()
        return undefined
      },
      // Each look is a connection.
      { withinMs: 90_000, everyMs: 50 },
    )
    await b.leadership(electedAt, 60_000)
    const believed = Math.max(...a.told('valid').map(({ until }) => until))
    console.log(
      `a believed until ${Math.round(believed - electedAt)} ms after another ZooKeeper leader was seen`,
    )
    expect(believed).toBeLessThan(electedAt + sessionMs)
    expect(judge([a, b])).toMatchObject({ overlapMs: 0, tokenRegressions: 0 })
  },
)
