/** What the cores of an engine without a log hear and say, for histories made by hand. */
import type { SessionAddress } from '../../../cluster/engine/engine.ts'
import type { LogRecord } from '../../../cluster/messages.ts'
import type { BullyMessage, BullyRecord, Stand } from '../../../protocols/bully/types.ts'
import type { PaxosRequest } from '../../../protocols/paxos/types.ts'
import type { EngineRequest } from '../../history.ts'
import type { StoryProcess } from './story.ts'

const election = 'billing'
const instance = `e:${election}`

/** The session of a candidate that has the id of its peer. */
export function addressOf(peer: string, session = `${peer}~1`): SessionAddress {
  return { session, via: peer, host: { peer, incarnation: 1 } }
}

export function isAsked(voter: StoryProcess, from: SessionAddress, request: EngineRequest): void {
  voter.happens({ type: 'asked', from, request })
}

/** A proposal for 'billing' is accepted by each of these. */
export function accepts(
  voters: readonly StoryProcess[],
  by: string,
  token: number,
  of: { readonly session?: string; readonly id?: string; readonly sequence?: number } = {},
): void {
  const { session = `${by}~1`, id = by, sequence = 1 } = of
  const from = addressOf(by, session)
  const owner = {
    session,
    id,
    leaseMs: 1_000,
    exclusivity: 'time',
    token,
    metadata: {},
    revision: 0,
  } as const
  for (const voter of voters) {
    isAsked(voter, from, { type: 'propose', instance, ballot: token, owner, sequence })
    const tie = { life: 1, tie: 1 }
    voter.happens({
      type: 'answers',
      to: from,
      reply: { type: 'accepted', instance, ballot: token, revision: 0, sequence, ...tie },
    })
  }
}

export function releases(voter: StoryProcess, by: string, ballot: number): void {
  const request: PaxosRequest = { type: 'release', instance, ballot, to: null, stays: false }
  isAsked(voter, addressOf(by), request)
}

export function isKeptAlive(voters: readonly StoryProcess[], by: string, sequence: number): void {
  for (const voter of voters) isAsked(voter, addressOf(by), { type: 'keepalive', sequence, leaseMs: 1_000 })
}

export function standOf(peer: string): Stand {
  const of = {
    session: `${peer}~1`,
    epoch: 1,
    id: peer,
    leaseMs: 1_000,
    host: { peer, incarnation: 1 },
  }
  return { of, priority: 0, exclusivity: 'time', metadata: {} }
}

export function voteFor(peer: string, epoch: number): BullyRecord {
  return { type: 'vote', election, ballot: { epoch, stand: standOf(peer) }, past: [] }
}

export const bullyWrote = (...records: readonly BullyRecord[]): LogRecord => ({
  type: 'engine',
  engine: 'bully',
  record: { records },
})

export const ceilingOf = (ceiling: number): LogRecord => ({
  type: 'engine',
  engine: 'paxos',
  record: { ceiling, longestLeaseMs: 1_000 },
})

export function tells(voter: StoryProcess, to: string, message: BullyMessage): void {
  voter.happens({ type: 'asks', to, request: { type: 'peer', message } })
}

export const grantedTo = (peer: string, epoch: number): BullyMessage => ({
  type: 'vote-reply',
  election,
  session: `${peer}~1`,
  epoch,
  granted: true,
  view: { promised: epoch, won: 0, held: [], withdrawn: [], freed: [] },
})
