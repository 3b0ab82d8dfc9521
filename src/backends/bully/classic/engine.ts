/** What the classic bully supplies to an embedded backend. Its sessions are those of the bully, with one voter: their own peer. */
import { shortestLeaseMs } from '../../../lease/timing-rules.ts'
import type { Engine } from '../../engine/engine.ts'
import { bullyEngine, release } from '../engine.ts'
import { onlyPeersStand } from '../only-peers-stand.ts'
import { BullySession } from '../session.ts'
import type { BullyReply } from '../words.ts'
import { ClassicCore } from './core.ts'
import { ClassicObserving } from './observing.ts'
import { classicSpeech } from './speech.ts'
import type { ClassicRequest, ClassicWrite } from './words.ts'

export const classicEngine: Engine<ClassicRequest, BullyReply, ClassicWrite, 'advisory'> = {
  speech: classicSpeech,
  facts: (timing) => ({
    guarantee: 'advisory',
    exclusivity: [],
    tokenSource: 'none: a rank of bully epoch and slot',
    order: 'rank',
    transfer: 'directed',
    proclaim: true,
    earlyLoss: [],
    limits: { minLeaseMs: shortestLeaseMs(timing), nameBytes: 253, metadataBytes: 4096, nestedNames: true },
  }),
  createCore: ({ timing }, start) => new ClassicCore(timing, start),
  createSession: (options, life) => {
    const { self, candidateId } = options
    if (self === undefined) throw onlyPeersStand(candidateId)
    return new BullySession({ ...options, voters: [self], tokenBase: 0n }, life)
  },
  createObserving: (options, post) => new ClassicObserving(options, post),
  release,
  wasKnown: bullyEngine.wasKnown,
  /** Whoever can be reached has heard. */
  releasedBy: () => 1,
}
