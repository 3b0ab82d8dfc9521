/** Peers that stop in order and start again, on virtual time: who stands then need not wait for a lease that nobody has. */
import { expect, it } from 'vitest'
import { createElection } from '../../election/election.ts'
import type { Leadership } from '../../election/leadership.ts'
import type { AcceptorRecord, PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import { engineWorld, type EngineWorld } from '../../testing/engine-world.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import type { Backend } from '../backend.ts'
import { defineBackend } from '../define-backend.ts'
import { EngineDriver } from '../engine/driver.ts'
import { paxosEngine } from './engine.ts'

type World = EngineWorld<PaxosRequest, PaxosReply, AcceptorRecord>

const ids = ['a', 'b', 'c']

function backendOf(world: World, id: string): Backend {
  const { timing } = world
  const peers = Object.fromEntries(ids.map((one) => [one, one]))
  const edges = { connectClient: world.network.connectClient, peer: world.edgesOf(id) }
  return defineBackend(
    (env) =>
      new EngineDriver(paxosEngine, { peers, cluster: 'memory', timing, tokenBase: 0n }, { edges, env }),
    {
      clock: world.clockOf(id),
      random: seededRandom(ids.indexOf(id)),
      timing,
      defaultCandidateId: id,
      onBackgroundFailure: ({ error }) => world.failures.push({ during: id, error }),
    },
  )
}

async function elected(world: World, backend: Backend, withinMs: number): Promise<Leadership> {
  let leadership: Leadership | undefined
  void createElection({ name: 'jobs', backend })
    .campaign()
    .then((won) => (leadership = won))
  await world.until(() => leadership !== undefined, `somebody leads within ${withinMs} ms`, withinMs)
  return leadership as Leadership
}

async function all(world: World, done: readonly Promise<unknown>[]): Promise<void> {
  let isDone = false
  void Promise.all(done).then(() => (isDone = true))
  await world.until(() => isDone, 'all peers started or stopped', 60_000)
}

it('elects at once after all peers were stopped in order, although the lease is ten seconds', async () => {
  const world = engineWorld(paxosEngine, { timing: 'calm' })
  const tokens: bigint[] = []
  for (let life = 0; life < 3; life += 1) {
    const backends = ids.map((id) => backendOf(world, id))
    await all(
      world,
      backends.map((backend) => backend.start()),
    )
    const leadership = await elected(world, backends[life] as Backend, world.timing.leaseMs / 2)
    tokens.push(leadership.token)
    await all(world, [leadership.resign()])
    await all(
      world,
      backends.map((backend) => backend.close()),
    )
  }
  expect(tokens).toEqual(tokens.toSorted((left, right) => Number(left - right)))
  expect(new Set(tokens).size).toBe(3)
  await world.close()
})
