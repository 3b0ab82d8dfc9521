/** The embedded bully backend, set up for the conformance suite: the whole of it but sockets and files, on virtual time. */
import { EngineDriver } from '../backends/engine/driver.ts'
import { bullyEngine } from '../backends/bully/engine.ts'
import type { BullyReply, BullyRequest, BullyWrite } from '../backends/bully/words.ts'
import { defineBackend } from '../backends/define-backend.ts'
import { resolveTiming } from '../lease/timing.ts'
import type { ConformanceSetup, ConformanceWorld } from './conformance.ts'
import { embeddedConformance } from './embedded-conformance.ts'
import { engineWorld, type EngineWorld } from './engine-world.ts'

/** A majority of all voters, so that it does without the candidates. */
const arbiters = Array.from({ length: 11 }, (_, at) => `p${at}`)
/** Only peers stand: as many as any case of the suite needs. */
const candidates = Array.from({ length: 10 }, (_, at) => `q${at}`)
const MAX_DRIFT = 0.001

type BullyWorld = EngineWorld<BullyRequest, BullyReply, BullyWrite>

/** Only peers stand, so there is no setup with clients. */
export function bullyConformance(): ConformanceSetup {
  return {
    name: 'bully, candidates as peers',
    facts: bullyEngine.facts(resolveTiming('default')),
    absent: {
      loseNextReply: 'its peer is in its own process: no reply is lost on the way',
      delayReplies: 'its peer is in its own process: no reply is late',
    },
    leaseMs: 1000,
    create: async () => worldOf(await startedWorld()),
  }
}

async function startedWorld(): Promise<BullyWorld> {
  const world = engineWorld<BullyRequest, BullyReply, BullyWrite>({
    engine: 'bully',
    record: bullyEngine.speech.record,
    createCore: (timing) => (start) => bullyEngine.createCore({ timing, tokenBase: 0n }, start),
    peers: [...arbiters, ...candidates],
    timing: 'default',
    // The arbiter's clocks as fast, the candidates' as slow as the permitted drift allows: the worst for exclusivity.
    rateOf: (process) => (arbiters.includes(process) ? 1 + 0.99 * MAX_DRIFT : 1 - 0.99 * MAX_DRIFT),
  })
  await world.start(...arbiters)
  await world.advance(3000)
  return world
}

function worldOf(world: BullyWorld): ConformanceWorld {
  return embeddedConformance(world, {
    kind: 'peer',
    arbiters,
    candidates,
    isReply: (message) => message.type === 'answer' && message.replies.some(({ type }) => type !== 'ack'),
    backend: ({ id, peer, addresses, connectClient, clock, random }) => {
      const edges = { connectClient, peer: peer === undefined ? null : world.edgesOf(peer) }
      const { timing } = world
      const options = { peers: addresses, cluster: 'memory', timing, tokenBase: 0n }
      return defineBackend((env) => new EngineDriver(bullyEngine, options, { edges, env }), {
        clock,
        random,
        timing,
        defaultCandidateId: id,
        onBackgroundFailure: () => undefined,
      })
    },
  })
}
