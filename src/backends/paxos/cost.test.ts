/** What it costs to hold elections, and how long a takeover takes: on virtual time, so that the figures are the protocol's. */
import { expect, it } from 'vitest'
import { engineWire } from '../../cluster/engine/engine-wire.ts'
import { createElection } from '../../election/election.ts'
import type { Leadership } from '../../election/leadership.ts'
import type { AcceptorRecord, PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import { engineWorld, type EngineWorld } from '../../testing/engine-world.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import type { Backend } from '../backend.ts'
import { defineBackend } from '../define-backend.ts'
import type { EngineEdges } from '../engine/access.ts'
import { EngineDriver } from '../engine/driver.ts'
import { paxosEngine } from './engine.ts'

type World = EngineWorld<PaxosRequest, PaxosReply, AcceptorRecord>

const wire = engineWire(paxosEngine.speech)
const ids = ['a', 'b', 'c']

interface Traffic {
  messages: number
  bytes: number
}

function backendOf(world: World, id: string, traffic: Traffic): Backend {
  const { transport, ...seams } = world.edgesOf(id)
  const edges: EngineEdges<PaxosRequest, PaxosReply, AcceptorRecord> = {
    connectClient: world.network.connectClient,
    peer: {
      ...seams,
      transport: (identity) => {
        const made = transport(identity)
        return {
          ...made,
          send: (to, message, lane) => {
            traffic.messages += 1
            traffic.bytes += wire.peers.encode(message).length
            made.send(to, message, lane)
          },
        }
      },
    },
  }
  const { timing } = world
  const options = {
    peers: Object.fromEntries(ids.map((one) => [one, one])),
    cluster: 'memory',
    timing,
    tokenBase: 0n,
  }
  return defineBackend((env) => new EngineDriver(paxosEngine, options, { edges, env }), {
    clock: world.clockOf(id),
    random: seededRandom(ids.indexOf(id)),
    timing,
    defaultCandidateId: id,
    onBackgroundFailure: ({ error }) => world.failures.push({ during: id, error }),
  })
}

async function started(world: World, traffic: Traffic): Promise<Backend[]> {
  const backends = ids.map((id) => backendOf(world, id, traffic))
  await Promise.all(backends.map((backend) => backend.start()))
  await world.advance(500)
  return backends
}

/** What ten seconds of holding so many elections put on the wire. */
async function costOf(elections: number): Promise<Traffic> {
  const world = engineWorld(paxosEngine, { timing: 'default' })
  const traffic: Traffic = { messages: 0, bytes: 0 }
  const [backend] = await started(world, traffic)
  const held: Leadership[] = []
  for (let number = 0; number < elections; number += 1) {
    const election = createElection({ name: `e${number}`, backend: backend as Backend })
    void election.campaign().then((leadership) => held.push(leadership))
  }
  await world.until(() => held.length === elections, `${elections} elections are held`, 60_000)
  await world.advance(1000)
  traffic.messages = 0
  traffic.bytes = 0
  await world.advance(10_000)
  expect(held.every((leadership) => leadership.isValid())).toBe(true)
  const { messages, bytes } = traffic
  await world.close()
  return { messages, bytes }
}

it('costs the same keepalives for ten thousand held elections as for one', async () => {
  const one = await costOf(1)
  const many = await costOf(10_000)
  expect(one.messages).toBeGreaterThan(0)
  expect(many.messages).toBeLessThanOrEqual(one.messages + 4)
  // Ten thousand ties and keepalives have longer numbers than one.
  expect(many.bytes).toBeLessThan(1.1 * one.bytes)
}, 120_000)

/** Milliseconds of true time from kill -9 of the leader's process until another one leads. */
async function takeoverMs(exclusivity: 'time' | 'token', killedAtMs: number): Promise<number> {
  const world = engineWorld(paxosEngine, { timing: 'fast' })
  const backends = await started(world, { messages: 0, bytes: 0 })
  const leaders: string[] = []
  const [first, ...others] = backends.map((backend) => createElection({ name: 'x', backend, exclusivity }))
  void first?.campaign().then(({ candidateId }) => leaders.push(candidateId))
  await world.until(() => leaders.length === 1, 'a leads')
  for (const other of others) void other.campaign().then(({ candidateId }) => leaders.push(candidateId))
  await world.advance(500 + killedAtMs)
  const { clock } = world
  world.network.crash('a')
  const killedAt = clock.trueMs()
  await world.until(() => leaders.length === 2, 'another one leads')
  const tookMs = clock.trueMs() - killedAt
  await world.close()
  return tookMs
}

it.each([
  ['time', 150 + 50],
  ['token', 30],
] as const)('takes over in %s mode within %d ms of kill -9', async (exclusivity, limitMs) => {
  for (const killedAtMs of [0, 7, 23, 31, 49]) {
    expect(await takeoverMs(exclusivity, killedAtMs)).toBeLessThanOrEqual(limitMs)
  }
})
