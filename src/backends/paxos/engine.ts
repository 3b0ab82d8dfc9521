/** What Paxos supplies to an embedded backend. */
import type { AcceptorRecord, PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import type { Engine } from '../engine/engine.ts'
import { engineFacts } from '../engine/engine-facts.ts'
import { AcceptorCore } from './core.ts'
import { PaxosObserving } from './observing.ts'
import { PaxosSession } from './session.ts'
import { paxosSpeech } from './speech.ts'

export const paxosEngine: Engine<PaxosRequest, PaxosReply, AcceptorRecord> = {
  speech: paxosSpeech,
  facts: engineFacts('paxos ballot of the acquisition'),
  createCore: ({ timing, tokenBase }, start) => new AcceptorCore(timing, tokenBase, start),
  createSession: (options, life) => new PaxosSession(options, life),
  createObserving: (options, post) => new PaxosObserving(options, post),
  // Acceptors know nobody but sessions: it closes itself.
  release: (session) => ({ asker: session, request: { type: 'close' } }),
  wasKnown: (reply) => (reply.type === 'closed' ? reply.known : null),
}
