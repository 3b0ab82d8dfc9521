/** What bully supplies to an embedded backend. */
import type { SessionKey } from '../../protocols/support/types.ts'
import type { BackendEnv } from '../backend.ts'
import type { Engine, Release } from '../engine/engine.ts'
import { engineFacts } from '../engine/engine-facts.ts'
import { BullyCore } from './core.ts'
import { BullyObserving } from './observing.ts'
import { BullySession } from './session.ts'
import { bullySpeech } from './speech.ts'
import type { BullyReply, BullyRequest, BullyWrite, SessionRequest } from './words.ts'

export function release(session: SessionKey, random: BackendEnv['random']): Release<SessionRequest> {
  return { asker: `release~${random.id()}`, request: { type: 'release', session } }
}

export const bullyEngine: Engine<BullyRequest, BullyReply, BullyWrite> = {
  speech: bullySpeech,
  facts: engineFacts('bully epoch'),
  createCore: ({ timing, tokenBase }, start) => new BullyCore(timing, tokenBase, start),
  createSession: (options, life) => new BullySession(options, life),
  createObserving: (options, post) => new BullyObserving(options, post),
  release,
  wasKnown: (reply) => (reply.type === 'closed' ? reply.known : null),
}
