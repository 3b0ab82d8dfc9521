/** One ZooKeeper session with the elections it carries: one connection, one renewal for all of them. */
import type { Instant } from '../../seams/clock.ts'
import { MandateError } from '../../errors.ts'
import { holderValidityMs } from '../../lease/deadline.ts'
import { Observations } from '../observations.ts'
import type {
  BackendEnv,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  LeaseTiming,
  ObserveEvents,
  Renewal,
  Session,
  SessionTicket,
} from '../backend.ts'
import { ZooKeeperCandidacy } from './candidacy.ts'
import type { SessionEnd } from '../../clients/zookeeper/session-machine.ts'
import { Contender } from './contender.ts'
import type { Acl } from '../../clients/zookeeper/records.ts'
import type { Dialect } from './dialects.ts'
import { endError } from './failures.ts'
import type { Place } from './failures.ts'
import { checkZnodeName } from './layout.ts'
import { writeTicket } from './ticket.ts'

export interface ZooKeeperSessionOptions {
  readonly place: Place
  readonly env: BackendEnv
  readonly timing: LeaseTiming
  readonly dialect: Dialect
  readonly acl: readonly Acl[]
  readonly tokenBase: bigint
  readonly scope: string
  readonly candidateId: string
  readonly renewal: Renewal
  observe(election: string, on: ObserveEvents): { close(): void }
}

export class ZooKeeperSession implements Session {
  readonly scope: string
  readonly #options: ZooKeeperSessionOptions
  readonly #candidacies = new Map<string, ZooKeeperCandidacy>()
  /** By election, nodes that are still to be removed: whoever enters again waits, or it would stand behind itself. */
  readonly #leaving = new Map<string, Promise<unknown>>()
  readonly #observations = new Observations()
  /** First in line while the renewal had run out. */
  readonly #unsupported = new Set<ZooKeeperCandidacy>()
  #told: ((renewal: Renewal) => void) | undefined
  #renewal: Renewal
  #closed: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  constructor(options: ZooKeeperSessionOptions) {
    this.#options = options
    this.scope = options.scope
    this.#renewal = options.renewal
  }

  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy {
    const { election } = request
    const { place, env, timing, dialect, acl, tokenBase, candidateId } = this.#options
    const contender = new Contender({
      client: place.client,
      dialect,
      acl,
      random: env.random,
      election,
      candidateId,
    })
    const candidacy: ZooKeeperCandidacy = new ZooKeeperCandidacy(
      request,
      on,
      {
        place,
        env,
        timing,
        dialect,
        tokenBase,
        candidateId,
        sessionId: place.client.identity?.id ?? 0n,
        renewal: () => this.#renewal,
        unsupported: () => void this.#unsupported.add(candidacy),
        predecessorGone: this.#leaving.get(election) ?? Promise.resolve(),
        over: (gone) => this.#over(election, candidacy, gone),
      },
      contender,
    )
    this.#candidacies.set(election, candidacy)
    queueMicrotask(() => this.#begin(election, candidacy))
    return candidacy
  }

  #begin(election: string, candidacy: ZooKeeperCandidacy): void {
    const { end } = this.#options.place.client
    if (end !== undefined) return candidacy.end('session-lost', endError(end))
    try {
      checkZnodeName(election)
    } catch (error) {
      return candidacy.end('refused', error)
    }
    void candidacy.stand()
  }

  observe(election: string, on: ObserveEvents): { close(): void } {
    return this.#observations.add(this.#options.observe(election, on))
  }

  onRenewed(told: (renewal: Renewal) => void): void {
    this.#told = told
  }

  ticket(): SessionTicket {
    const { identity } = this.#options.place.client
    if (identity === undefined)
      throw new MandateError('CLOSED', 'the session was never opened', { what: 'session' })
    return { session: writeTicket(identity) }
  }

  /** Ends at the servers with its session, and with it every node: one request for all elections. */
  async close({ signal }: Cancellable): Promise<void> {
    this.#observations.closeAll()
    for (const candidacy of [...this.#candidacies.values()]) candidacy.end('resigned')
    const { client } = this.#options.place
    if (client.end !== undefined) return
    if (this.#closed === undefined) {
      let resolve!: () => void
      const promise = new Promise<void>((done) => (resolve = done))
      this.#closed = { promise, resolve }
      client.close()
    }
    const giveUp = (): void => client.abandon()
    if (signal?.aborted === true) giveUp()
    signal?.addEventListener('abort', giveUp, { once: true })
    await this.#closed.promise
    signal?.removeEventListener('abort', giveUp)
  }

  // ---- the client's events --------------------------------------------------------------------------------------

  /** Nothing here grows with what is held: the session may hold thousands. */
  renewed(sentAt: Instant): void {
    this.#renewal = { sentAt, grantedMs: this.#options.place.client.timeoutMs }
    if (this.#told === undefined)
      for (const candidacy of this.#candidacies.values()) candidacy.renewed(this.#renewal)
    else this.#told(this.#renewal)
    const unsupported = [...this.#unsupported]
    this.#unsupported.clear()
    for (const candidacy of unsupported) candidacy.supported()
  }

  attached(): void {
    for (const candidacy of [...this.#candidacies.values()]) candidacy.reattached()
  }

  /** A session that ends while its deadline stands was closed by somebody else: it did not run out. */
  ended(end: SessionEnd): void {
    this.#closed?.resolve()
    const { env, timing } = this.#options
    const { sentAt, grantedMs } = this.#renewal
    const stands = env.clock.elapsedMs(sentAt) < holderValidityMs(grantedMs, timing)
    const reason = end.why === 'expired' && stands ? 'revoked' : 'session-lost'
    for (const candidacy of [...this.#candidacies.values()]) candidacy.end(reason, endError(end))
  }

  #over(election: string, candidacy: ZooKeeperCandidacy, gone: Promise<unknown>): void {
    if (this.#candidacies.get(election) === candidacy) this.#candidacies.delete(election)
    const leaving = Promise.all([gone, this.#leaving.get(election)])
    this.#leaving.set(election, leaving)
    void leaving.then(() => {
      if (this.#leaving.get(election) === leaving) this.#leaving.delete(election)
    })
  }
}
