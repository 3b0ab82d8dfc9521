/** Entries and records for histories told by hand. */
import type { LogRecord } from '../../../cluster/messages.ts'
import type { Entry } from '../../../protocols/raft/types.ts'
import type { Command, SessionRequest } from '../../../registry/types.ts'
import type { StoryProcess } from './story.ts'

export const entry = (index: number, term: number, data: Command | null = null): Entry<Command> => ({
  index,
  term,
  data,
})

export const entries = (...list: readonly Entry<Command>[]): LogRecord => ({ type: 'entries', entries: list })

export const hardState = (term: number, votedFor: string | null = null): LogRecord => ({
  type: 'hard-state',
  term,
  votedFor,
})

export const withdrawal = (session: string, epoch: number): LogRecord => ({
  type: 'withdrawal',
  session,
  epoch,
})

/** Commands. Sessions are named after their candidate unless said otherwise. */
export const open = (id: string, session = id): Command => ({
  type: 'open',
  session,
  id,
  leaseMs: 1000,
  host: null,
})

export const batch = (session: string, number: number, ...requests: readonly SessionRequest[]): Command => ({
  type: 'batch',
  session,
  number,
  requests,
})

export const grant = (session: string, election = 'billing'): Command => ({
  type: 'grant',
  grants: [{ election, session }],
})

export const campaign = (
  exclusivity: 'time' | 'token' = 'time',
  election = 'billing',
): Extract<SessionRequest, { type: 'campaign' }> => ({
  type: 'campaign',
  election,
  exclusivity,
  priority: 0,
  metadata: {},
})

export const release = (token: bigint, election = 'billing'): SessionRequest => ({
  type: 'release',
  election,
  token,
})

/** A log in the making: each command is an entry of term 1, learned by everybody given. */
export class LogStory {
  #index = 0
  readonly #peers: readonly StoryProcess[]

  constructor(...peers: readonly StoryProcess[]) {
    this.#peers = peers
  }

  /** Returns the index of the last. */
  decides(...commands: readonly Command[]): number {
    for (const command of commands) {
      this.#index += 1
      for (const peer of this.#peers) peer.commits(entry(this.#index, 1, command))
    }
    return this.#index
  }

  /** Opens a session, campaigns and is granted; returns the token. */
  grants(id: string, exclusivity: 'time' | 'token' = 'time', session = id): bigint {
    return BigInt(this.decides(open(id, session), batch(session, 1, campaign(exclusivity)), grant(session)))
  }
}
