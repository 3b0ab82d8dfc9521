/** A reader that cannot reach a peer at first, on virtual time. */
import { describe, expect, it } from 'vitest'
import { MandateError } from '../../errors.ts'
import type { AnswerMessage, AskMessage } from '../../cluster/engine/engine.ts'
import type { ConnectClient } from '../../seams/transport.ts'
import { engineWorld } from '../../testing/engine-world.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import type { Guarantee } from '../backend.ts'
import { classicEngine } from '../bully/classic/engine.ts'
import { bullyEngine } from '../bully/engine.ts'
import { paxosEngine } from '../paxos/engine.ts'
import { EngineDriver } from './driver.ts'
import type { Engine } from './engine.ts'

/** How long a dial waits for the hello of a process that is stopped, whose kernel accepts the connection. */
const helloMs = 2000

type Connect<Request, Reply> = ConnectClient<AskMessage<Request>, AnswerMessage<Reply>>

/** What an observer is told within `waitMs`. */
async function told<Request, Reply, Rec extends object, Its extends Guarantee>(
  engine: Engine<Request, Reply, Rec, Its>,
  dials: Dials,
  waitMs: number,
): Promise<readonly string[]> {
  const world = engineWorld(engine, { timing: 'default' })
  await world.start()
  await world.advance(500)
  const clock = world.clockOf('client')
  let dialled = 0
  const connectClient: Connect<Request, Reply> = async (request) => {
    if (++dialled > dials.failing) return world.network.connectClient(request)
    await new Promise<void>((resolve) => void clock.setTimer(dials.hangsMs, () => resolve()))
    throw new MandateError('BACKEND_UNAVAILABLE', `${request.address} hangs`, {})
  }
  const driver = new EngineDriver(
    engine,
    {
      peers: { a: 'a', b: 'b', c: 'c' },
      cluster: 'memory',
      timing: world.timing,
      tokenBase: 0n,
    },
    {
      edges: { peer: null, connectClient },
      env: { clock, random: seededRandom(1), report: () => undefined },
    },
  )
  const states: string[] = []
  const observer = await driver.openObserver()
  observer.observe('billing', {
    led: ({ id }) => void states.push(`led by ${id}`),
    vacant: () => void states.push('vacant'),
    unknown: (cause) => void states.push(cause instanceof Error ? cause.message : String(cause)),
  })
  await world.advance(waitMs)
  await observer.close()
  await world.close()
  return states
}

interface Dials {
  /** Before the first dial fails, in ms. */
  readonly hangsMs: number
  /** How many dials fail, from the first. */
  readonly failing: number
}

const engines = {
  paxos: (dials: Dials, waitMs: number) => told(paxosEngine, dials, waitMs),
  bully: (dials: Dials, waitMs: number) => told(bullyEngine, dials, waitMs),
  'bully without a quorum': (dials: Dials, waitMs: number) => told(classicEngine, dials, waitMs),
}

describe.each(Object.entries(engines))('an observer of %s', (_, play) => {
  it('is told no guess while the first peer that it dials hangs', async () => {
    expect(await play({ hangsMs: helloMs, failing: 1 }, helloMs + 1000)).toEqual(['vacant'])
  })

  it('is told why, once no peer could be reached, and goes on trying', async () => {
    const states = await play({ hangsMs: 1, failing: 3 }, 3000)
    expect(states).toEqual([
      expect.stringMatching(/^The state is unknown: no peer answers \(.*hangs/),
      'vacant',
    ])
  })
})
