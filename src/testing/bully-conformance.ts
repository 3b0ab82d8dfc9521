/** The embedded bully backend, set up for the conformance suite, in both its modes. */
import type { Guarantee } from '../backends/backend.ts'
import { classicEngine } from '../backends/bully/classic/engine.ts'
import { bullyEngine } from '../backends/bully/engine.ts'
import type { BullyReply } from '../backends/bully/words.ts'
import type { Engine } from '../backends/engine/engine.ts'
import type { ConformanceSetup } from './conformance.ts'
import { localSponsor } from './embedded-conformance.ts'
import { engineConformance } from './engine-conformance.ts'

export function bullyConformance(): ConformanceSetup {
  return setupOf(bullyEngine, { name: 'bully, candidates as peers' })
}

export function classicBullyConformance(): ConformanceSetup<'advisory'> {
  return setupOf(classicEngine, {
    name: 'classic bully',
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
  })
}

/** Only peers stand, so there is no setup with clients. */
function setupOf<Request, Written extends object, Its extends Guarantee>(
  engine: Engine<Request, BullyReply, Written, Its>,
  mode: Pick<ConformanceSetup<Its>, 'name' | 'skip'>,
): ConformanceSetup<Its> {
  return engineConformance(engine, {
    ...mode,
    absent: localSponsor,
    kind: 'peer',
    // A majority of all voters, so that it does without the candidates.
    arbiters: Array.from({ length: 11 }, (_, at) => `p${at}`),
    // As many as any case of the suite needs.
    candidates: Array.from({ length: 10 }, (_, at) => `q${at}`),
    isRenewal: ({ type }) => type === 'ack',
  })
}
