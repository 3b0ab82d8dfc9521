import type {
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  ObserveEvents,
  Session,
  SessionTicket,
} from './backend.ts'
import { MandateError } from '../errors.ts'

/**
 * A driver's session with the two rules that no driver has to write: it stands at most once in an election at a time
 * (two `Election` objects of one process share it), and whoever hears that it was lost tells `lost`, so that the next
 * to ask gets a new one.
 */
export class GuardedSession implements Session {
  readonly scope: string
  readonly ticket?: () => SessionTicket
  readonly #session: Session
  readonly #candidateId: string
  readonly #lost: (session: GuardedSession) => void
  readonly #standing = new Set<string>()

  constructor(session: Session, candidateId: string, lost: (session: GuardedSession) => void) {
    this.#session = session
    this.#candidateId = candidateId
    this.#lost = lost
    this.scope = session.scope
    if (session.ticket !== undefined) this.ticket = () => session.ticket?.() ?? unreachable()
  }

  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy {
    const { election } = request
    if (this.#standing.has(election)) return this.#refused(election, on)
    const candidacy = this.#session.enter(request, this.#listening(election, on))
    this.#standing.add(election)
    return {
      leave: async (o) => {
        try {
          return await candidacy.leave(o)
        } finally {
          this.#standing.delete(election)
        }
      },
      transfer: (to, o) => candidacy.transfer(to, o),
      proclaim: (metadata, o) => candidacy.proclaim(metadata, o),
    }
  }

  observe(election: string, on: ObserveEvents): { close(): void } {
    return this.#session.observe(election, on)
  }

  close(o: Cancellable): Promise<void> {
    return this.#session.close(o)
  }

  #listening(election: string, on: CandidacyEvents): CandidacyEvents {
    return {
      waiting: (ahead) => on.waiting(ahead),
      won: (grant) => on.won(grant),
      renewed: (renewal) => on.renewed(renewal),
      ended: (end) => {
        this.#standing.delete(election)
        if (end.reason === 'session-lost') this.#lost(this)
        on.ended(end)
      },
    }
  }

  #refused(election: string, on: CandidacyEvents): Candidacy {
    const cause = new MandateError(
      'DUPLICATE_ID',
      `candidate '${this.#candidateId}' already stands in election '${election}' in this process; ` +
        'end that candidacy first, or give this one another candidate id',
      { id: this.#candidateId },
    )
    let left = false
    queueMicrotask(() => {
      if (!left) on.ended({ reason: 'refused', cause })
    })
    return {
      leave: () => {
        left = true
        return Promise.resolve('was-not-holder')
      },
      transfer: () => Promise.resolve('refused'),
      proclaim: () => Promise.resolve('was-not-holder'),
    }
  }
}

function unreachable(): never {
  throw new MandateError('INTERNAL', 'the session lost its ticket', { reason: 'no ticket' })
}
