/**
 * Tells the cluster about leaderships, after the fact: the label of the pod, and events on the Lease. On a client of its
 * own, so that nothing here can take a connection from a renewal; whatever fails is a background failure.
 */
import type { BackendEnv, Candidacy, CandidacyEvents, CandidacyRequest, Session } from '../backend.ts'
import type { ClusterAccess } from './access/access.ts'
import { apiClient } from './api-client.ts'
import type { ApiClient } from './api-client.ts'
import type { Label } from './leader-label.ts'
import { LeaseEvents } from './lease-events.ts'
import type { LockTarget } from './lease-events.ts'
import { PodLabel } from './pod-label.ts'

export interface AnnouncementOptions {
  readonly leaderLabel:
    | { readonly label: Label; readonly pod: string; readonly namespace: string }
    | undefined
  readonly events: boolean
}

/** How long the last words may take when the backend closes. */
const CLOSE_MS = 2000

export class Announcements {
  readonly #client: ApiClient
  readonly #label: PodLabel | undefined
  readonly #events: LeaseEvents | undefined
  #isCleared = false

  constructor(access: ClusterAccess, env: BackendEnv, locks: LockTarget, options: AnnouncementOptions) {
    const client = apiClient(access)
    this.#client = client
    const { leaderLabel, events } = options
    this.#label = leaderLabel === undefined ? undefined : new PodLabel({ client, env, ...leaderLabel })
    this.#events = events ? new LeaseEvents({ client, env, ...locks }) : undefined
  }

  /** `session.enter`, with announcements behind what the candidate is told. */
  enter(
    session: Pick<Session, 'enter'>,
    request: CandidacyRequest,
    on: CandidacyEvents,
    about: { readonly candidateId: string; readonly lease: string },
  ): Candidacy {
    if (!this.#isCleared) this.#label?.clear()
    this.#isCleared = true
    const leadership = new AnnouncedLeadership(
      () => {
        this.#label?.add(leadership)
        this.#events?.tell(about, 'became leader')
      },
      () => {
        this.#label?.remove(leadership)
        this.#events?.tell(about, 'stopped leading')
      },
    )
    const candidacy = session.enter(request, {
      waiting: (ahead) => on.waiting(ahead),
      won: (grant) => leadership.begin(() => on.won(grant)),
      renewed: (renewal) => on.renewed(renewal),
      ended: (end) => {
        on.ended(end)
        leadership.end()
      },
    })
    return {
      // The label goes beside the release, not before it: the successor need not wait for it.
      leave: (o) => {
        leadership.end()
        return candidacy.leave(o)
      },
      transfer: (to, o) => candidacy.transfer(to, o),
      proclaim: (metadata, o) => candidacy.proclaim(metadata, o),
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#label?.close(CLOSE_MS), this.#events?.close(CLOSE_MS)])
    return this.#client.close()
  }
}

/** Announced once, and taken back once, in this order: whoever is told that he leads may leave at once. */
class AnnouncedLeadership {
  readonly #announce: () => void
  readonly #takeBack: () => void
  #state: 'waits' | 'wins' | 'announced' | 'over' = 'waits'

  constructor(announce: () => void, takeBack: () => void) {
    this.#announce = announce
    this.#takeBack = takeBack
  }

  begin(tell: () => void): void {
    this.#state = 'wins'
    tell()
    if (this.#is('over')) return
    this.#state = 'announced'
    this.#announce()
  }

  end(): void {
    const wasAnnounced = this.#is('announced')
    this.#state = 'over'
    if (wasAnnounced) this.#takeBack()
  }

  #is(state: 'announced' | 'over'): boolean {
    return this.#state === state
  }
}
