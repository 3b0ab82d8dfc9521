/** `releaseSession` of a client, on virtual time. */
import { expect, it } from 'vitest'
import { engineWorld } from '../../testing/engine-world.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import { paxosEngine } from '../paxos/engine.ts'
import { EngineDriver } from './driver.ts'

it('is answered although what was asked first got lost between the peers', async () => {
  const world = engineWorld(paxosEngine, { timing: 'default' })
  await world.start()
  await world.advance(500)
  const clock = world.clockOf('client')
  const options = {
    peers: { a: 'a', b: 'b', c: 'c' },
    cluster: 'memory',
    timing: world.timing,
    tokenBase: 0n,
  }
  const driver = new EngineDriver(paxosEngine, options, {
    edges: { peer: null, connectClient: world.network.connectClient },
    env: { clock, random: seededRandom(1), report: () => undefined },
  })
  const opening = driver.open({ candidateId: 'x' }, { signal: undefined })
  await world.advance(500)
  const session = await opening
  world.network.loss(1)
  let answer: string | undefined
  void driver.releaseSession(session.ticket(), { signal: undefined }).then((is) => (answer = is))
  await world.advance(150)
  expect(answer).toBeUndefined()
  world.network.loss(0)
  await world.until(() => answer !== undefined, 'it is answered', 2_000)
  expect(answer).toBe('released')
  const closing = session.close({ signal: undefined })
  await world.advance(2_000)
  await closing
  await world.close()
})
