/** The embedded bully backend, set up for the conformance suite: the whole of it but sockets and files, on virtual time. */
import type { Guarantee } from '../backends/backend.ts'
import { classicEngine } from '../backends/bully/classic/engine.ts'
import { bullyEngine } from '../backends/bully/engine.ts'
import type { BullyReply } from '../backends/bully/words.ts'
import { defineBackend } from '../backends/define-backend.ts'
import { EngineDriver } from '../backends/engine/driver.ts'
import type { Engine } from '../backends/engine/engine.ts'
import { resolveTiming } from '../lease/timing.ts'
import type { ConformanceSetup, ConformanceWorld } from './conformance.ts'
import { embeddedConformance } from './embedded-conformance.ts'
import { engineWorld } from './engine-world.ts'

/** A majority of all voters, so that it does without the candidates. */
const arbiters = Array.from({ length: 11 }, (_, at) => `p${at}`)
/** Only peers stand: as many as any case of the suite needs. */
const candidates = Array.from({ length: 10 }, (_, at) => `q${at}`)
const MAX_DRIFT = 0.001

/** Only peers stand, so there is no setup with clients. */
const absent = {
  loseNextReply: 'its peer is in its own process: no reply is lost on the way',
  delayReplies: 'its peer is in its own process: no reply is late',
} as const

export function bullyConformance(): ConformanceSetup {
  return {
    name: 'bully, candidates as peers',
    facts: bullyEngine.facts(resolveTiming('default')),
    absent,
    leaseMs: 1000,
    create: () => worldOf(bullyEngine),
  }
}

export function classicBullyConformance(): ConformanceSetup<'advisory'> {
  return {
    name: 'classic bully',
    facts: classicEngine.facts(resolveTiming('default')),
    absent,
    skip: [
      ...[
        'campaign() gives a leadership that is valid, with its token, scope, election and candidate',
        'close() while leading releases; the next leads without waiting for any lease',
        'observe() yields the present state first, then every change, and ends with its signal',
      ].map((name) => ({ case: name, reason: 'its leaderships have a rank and no token' })),
      ...[
        'a waiter whose session expired while it waited is never told that it won with that session',
        'an observer that lost contact says so, and catches up with the newest state',
        'a leadership that nothing reaches ends by its own clock',
      ].map((name) => ({
        case: name,
        reason: 'whoever is cut off is a part of the network, and has a leader',
      })),
    ],
    leaseMs: 1000,
    create: () => worldOf(classicEngine),
  }
}

async function worldOf<Request, Written extends object, Its extends Guarantee>(
  engine: Engine<Request, BullyReply, Written, Its>,
): Promise<ConformanceWorld<Its>> {
  const { speech } = engine
  const world = engineWorld<Request, BullyReply, Written>({
    engine: speech.engine,
    record: speech.record,
    createCore: (timing) => (start) => engine.createCore({ timing, tokenBase: 0n }, start),
    peers: [...arbiters, ...candidates],
    timing: 'default',
    // The arbiter's clocks as fast, the candidates' as slow as the permitted drift allows: the worst for exclusivity.
    rateOf: (process) => (arbiters.includes(process) ? 1 + 0.99 * MAX_DRIFT : 1 - 0.99 * MAX_DRIFT),
  })
  await world.start(...arbiters)
  await world.advance(3000)
  return embeddedConformance(world, {
    kind: 'peer',
    arbiters,
    candidates,
    isReply: (message) => message.type === 'answer' && message.replies.some(({ type }) => type !== 'ack'),
    backend: ({ id, peer, addresses, connectClient, clock, random }) => {
      const edges = { connectClient, peer: peer === undefined ? null : world.edgesOf(peer) }
      const { timing } = world
      const options = { peers: addresses, cluster: 'memory', timing, tokenBase: 0n }
      return defineBackend<Its>((env) => new EngineDriver(engine, options, { edges, env }), {
        clock,
        random,
        timing,
        defaultCandidateId: id,
        onBackgroundFailure: () => undefined,
      })
    },
  })
}
