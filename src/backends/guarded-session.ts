import { checkCandidacy } from './backend.ts'
import type {
  BackendFacts,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  Guarantee,
  ObserveEvents,
  Renewal,
  Session,
  SessionTicket,
} from './backend.ts'
import { MandateError } from '../errors.ts'

export interface SessionGuard {
  readonly facts: BackendFacts<Guarantee>
  readonly candidateId: string
  /** Called when the session is known to be lost, so that the next who asks gets a new one. */
  readonly lost: () => void
}

/**
 * A driver's session with the rules that no driver has to write: a request outside the backend's facts is refused,
 * and it stands at most once in an election at a time (two `Election` objects of one process share it).
 */
export class GuardedSession implements Session {
  readonly scope: string
  readonly ticket?: () => SessionTicket
  /** Unlike a driver's, for any number of listeners: several share this session. */
  readonly onRenewed?: (told: (renewal: Renewal) => void) => void
  readonly #session: Session
  readonly #guard: SessionGuard
  /** By election, who stands in it; an earlier candidacy that is left late must not take a later one out. */
  readonly #standing = new Map<string, CandidacyEvents>()
  readonly #renewals: ((renewal: Renewal) => void)[] = []

  constructor(session: Session, guard: SessionGuard) {
    this.#session = session
    this.#guard = guard
    this.scope = session.scope
    if (session.ticket !== undefined) this.ticket = () => session.ticket?.() ?? unreachable()
    if (session.onRenewed !== undefined) this.onRenewed = (told) => this.#listen(told)
  }

  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy {
    const { election } = request
    const cause = this.#problem(request)
    if (cause !== undefined) return refused(cause, on)
    const candidacy = this.#session.enter(request, this.#listening(election, on))
    this.#standing.set(election, on)
    return {
      leave: async (o) => {
        try {
          return await candidacy.leave(o)
        } finally {
          this.#forget(election, on)
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
      rose: (order) => on.rose?.(order),
      ...(on.asked === undefined ? {} : { asked: (wish) => on.asked?.(wish) }),
      ended: (end) => {
        this.#forget(election, on)
        if (end.reason === 'session-lost') this.#guard.lost()
        on.ended(end)
      },
    }
  }

  #listen(told: (renewal: Renewal) => void): void {
    this.#renewals.push(told)
    if (this.#renewals.length > 1) return
    this.#session.onRenewed?.((renewal) => {
      for (const listener of this.#renewals) listener(renewal)
    })
  }

  #forget(election: string, on: CandidacyEvents): void {
    if (this.#standing.get(election) === on) this.#standing.delete(election)
  }

  #problem(request: CandidacyRequest): unknown {
    try {
      checkCandidacy(request, this.#guard.facts)
    } catch (error) {
      return error
    }
    if (!this.#standing.has(request.election)) return undefined
    const id = this.#guard.candidateId
    return new MandateError(
      'DUPLICATE_ID',
      `candidate '${id}' already stands in election '${request.election}' in this process; ` +
        'end that candidacy first, or give this one another candidate id',
      { id },
    )
  }
}

/** A candidacy that never reaches the arbiter. */
function refused(cause: unknown, on: CandidacyEvents): Candidacy {
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

function unreachable(): never {
  throw new MandateError('INTERNAL', 'the session lost its ticket', { reason: 'no ticket' })
}
