/**
 * Where there is no log: when a session asks the peers to let go of an election, or of everything, whoever led by it has
 * stopped (S9, S12). At another peer, which hears it later, it was told of its loss too.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { electionOf } from '../../protocols/paxos/proposer/state.ts'
import { engineEvents, engineGrantsOf, type EngineGrants } from './models/engine-grants.ts'

export const releasedAfterLoss: Invariant = {
  name: 'released-after-loss',
  claim: 'A leadership is lost before its session asks anybody to let go of the election (S9, S12).',
  types: [...engineEvents],
  check: (context) => new ReleasedAfterLoss(context),
}

interface Release {
  readonly session: string
  /** Null: of all. */
  readonly election: string | null
  /** Of grants up to this number; null: whatever it holds. */
  readonly upTo: number | null
}

class ReleasedAfterLoss implements Checker {
  evaluations = 0
  readonly #context: CheckContext
  readonly #grants: EngineGrants
  readonly #tokenBase: bigint

  constructor(context: CheckContext) {
    this.#context = context
    this.#grants = engineGrantsOf(context)
    this.#tokenBase = context.tokenBase ?? 0n
  }

  observe(event: HistoryEvent): void {
    this.#grants.observe(event)
    if (event.type !== 'asked') return
    const release = releaseIn(event)
    if (release === null) return
    this.evaluations += 1
    const isElsewhere = event.from.via !== event.process
    for (const leadership of this.#context.leaderships()) {
      const { election, token, process, candidate } = leadership
      if (release.election !== null && release.election !== election) continue
      if (release.upTo !== null && token > this.#tokenBase + BigInt(release.upTo)) continue
      if (this.#grants.won(election, token)?.session !== release.session) continue
      const about = `${event.process} is asked to let go of '${election}' at ${event.at}, and ${process} as ${candidate} with ${token}`
      ensure(!leadership.isValid(), () => `${about} is valid`)
      ensure(!isElsewhere, () => `${about} was not told of its loss`)
    }
  }
}

function releaseIn({ from, request }: Extract<HistoryEvent, { type: 'asked' }>): Release | null {
  const { session } = from
  switch (request.type) {
    case 'release':
      // Of a bully: said by somebody else, of a session whose holder is dead.
      if ('session' in request) return null
      return { session, election: electionOf(request.instance), upTo: request.ballot }
    case 'leave':
      return { session, election: request.election, upTo: null }
    case 'close':
      return { session, election: null, upTo: null }
    case 'peer': {
      const { message } = request
      if (message.type !== 'freed') return null
      return { session: message.freed.session, election: message.election, upTo: message.freed.epoch }
    }
    default:
      return null
  }
}
