/** What a session leaves behind when it closes, on virtual time. */
import { expect, it } from 'vitest'
import { engineWorld } from '../../testing/engine-world.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import type { CandidacyEvents } from '../backend.ts'
import { EngineDriver } from '../engine/driver.ts'
import { paxosEngine } from './engine.ts'

const request = { election: 'x', exclusivity: 'time', priority: 0, metadata: {} } as const

/** How long somebody waits who stands after a session that led, and had just proclaimed, is closed. */
async function takeoverMs(closedAtMs: number): Promise<number> {
  const world = engineWorld(paxosEngine, { timing: 'default', delayMs: [20, 20] })
  await world.start()
  await world.advance(500)
  const drivers = ['p', 'q'].map((id, seed) => {
    const options = {
      peers: { a: 'a', b: 'b', c: 'c' },
      cluster: 'memory',
      timing: world.timing,
      tokenBase: 0n,
    }
    const env = { clock: world.clockOf(id), random: seededRandom(seed), report: () => undefined }
    const edges = { peer: null, connectClient: world.network.connectClient }
    return new EngineDriver(paxosEngine, options, { edges, env })
  })
  const opening = Promise.all(
    drivers.map((driver, at) => driver.open({ candidateId: `c${at}` }, { signal: undefined })),
  )
  await world.advance(1_000)
  const [first, second] = await opening
  const won: string[] = []
  const events = (id: string): CandidacyEvents => ({
    waiting: () => undefined,
    won: () => void won.push(id),
    renewed: () => undefined,
    ended: () => undefined,
  })
  const leading = first?.enter(request, events('p'))
  await world.until(() => won.length === 1, 'p leads')
  await world.advance(1_000 + closedAtMs)
  void leading?.proclaim({ at: 'here' }, {})
  const closing = first?.close({ signal: undefined })
  await world.advance(200)
  second?.enter(request, events('q'))
  const closedAt = world.clock.trueMs()
  await world.until(() => won.length === 2, 'q leads')
  const tookMs = world.clock.trueMs() - closedAt
  await closing
  const ending = second?.close({ signal: undefined })
  await world.advance(2_000)
  await ending
  await world.close()
  return tookMs
}

it('frees at once what it held, also if it had just proclaimed something', async () => {
  for (let closedAtMs = 0; closedAtMs < 100; closedAtMs += 10)
    expect(await takeoverMs(closedAtMs)).toBeLessThan(500)
})
