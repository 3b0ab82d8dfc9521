/** One session: a lease, the keys that hang on it, and the watches that its candidacies need. */
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
import { MandateError } from '../../errors.ts'
import { holderValidityMs } from '../../lease/deadline.ts'
import { Observations } from '../observations.ts'
import { EtcdCandidacy } from './candidacy.ts'
import type { EtcdCluster } from './cluster.ts'
import { isLeaseGone } from './failures.ts'
import { KeepAlive } from './keep-alive.ts'
import type { Layout } from './layout.ts'
import { isAlive, twinsIn } from './twins.ts'
import { withdraw, type Place } from './requests.ts'
import type { ElectionViews } from './views.ts'
import type { WatchHub } from './watch-hub.ts'

export interface EtcdSessionOptions {
  readonly cluster: EtcdCluster
  readonly hub: WatchHub
  readonly views: ElectionViews
  readonly layout: Layout
  readonly env: BackendEnv
  readonly timing: LeaseTiming
  readonly tokenBase: bigint
  readonly candidateId: string
  readonly scope: string
  readonly lease: bigint
  /** Of the store, when the lease was granted. */
  readonly at: bigint
  readonly first: Renewal
}

export class EtcdSession implements Session {
  readonly scope: string
  readonly #options: EtcdSessionOptions
  readonly #keepAlive: KeepAlive
  readonly #candidacies = new Map<string, EtcdCandidacy>()
  /** By election, what is still to be taken away: whoever stands again waits, or it would find its old token. */
  readonly #leaving = new Map<string, Promise<unknown>>()
  /** Keys that a request without an answer may still put, by election. */
  readonly #ghosts = new Map<string, { close(): void }>()
  readonly #observations = new Observations()
  #told: ((renewal: Renewal) => void) | undefined
  #over = false

  constructor(options: EtcdSessionOptions) {
    this.#options = options
    this.scope = options.scope
    const { cluster, lease, first, env } = options
    this.#keepAlive = new KeepAlive({
      cluster,
      lease,
      first,
      renewed: (renewal) => this.#renewed(renewal),
      gone: () => this.#lost(),
      troubled: (error) => env.report({ during: 'renewal of an etcd lease', error }),
    })
  }

  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy {
    const { election } = request
    const { cluster, hub, layout, lease, candidateId, tokenBase, env } = this.#options
    const key = layout.key(election, lease)
    const candidacy = new EtcdCandidacy(request, on, {
      ...{ cluster, hub, lease, candidateId, tokenBase, key },
      leaseMs: this.#options.first.grantedMs,
      prefix: layout.electionPrefix(election),
      renewal: () => this.#certain(),
      renewNow: () => this.#keepAlive.renewNow(),
      leaseGone: () => this.#lost(),
      cleared: async () => void (await this.#leaving.get(election)),
      hasTwin: (place, signal) => this.#hasTwin(place, key, signal),
      remove: (revision, uncertain, before) => this.#remove(election, key, revision, uncertain, before),
      report: (during, error) => env.report({ during, error }),
      over: () => this.#candidacies.get(election) === candidacy && void this.#candidacies.delete(election),
    })
    this.#candidacies.set(election, candidacy)
    queueMicrotask(() => {
      if (this.#over) candidacy.end('session-lost', gone())
      else void candidacy.start()
    })
    return candidacy
  }

  observe(election: string, on: ObserveEvents): { close(): void } {
    return this.#observations.add(this.#options.views.observe(election, on))
  }

  onRenewed(told: (renewal: Renewal) => void): void {
    this.#told = told
  }

  ticket(): SessionTicket {
    return { session: this.#options.lease.toString() }
  }

  async close({ signal }: Cancellable): Promise<void> {
    const wasOpen = !this.#over
    this.#end()
    for (const candidacy of [...this.#candidacies.values()]) candidacy.end('resigned')
    this.#observations.closeAll()
    if (!wasOpen) return
    const { cluster, lease: ID, env } = this.#options
    try {
      const limits = { signal, withinMs: cluster.attemptMs }
      await cluster.call(({ lease }, context) => lease.leaseRevoke({ ID }, context), limits)
    } catch (error) {
      if (!isLeaseGone(error))
        env.report({ during: 'close of a session, which the end of its lease will free', error })
    }
  }

  #renewed(renewal: Renewal): void {
    if (this.#told !== undefined) return this.#told(renewal)
    for (const candidacy of this.#candidacies.values()) candidacy.renewed(renewal)
  }

  /** The lease is gone, and every key with it. */
  #lost(): void {
    if (this.#over) return
    this.#end()
    for (const candidacy of [...this.#candidacies.values()]) candidacy.end('session-lost', gone())
  }

  #end(): void {
    this.#over = true
    this.#keepAlive.stop()
    for (const ghost of this.#ghosts.values()) ghost.close()
    this.#ghosts.clear()
  }

  #certain(): Renewal | undefined {
    const { renewal } = this.#keepAlive
    const validMs = holderValidityMs(renewal.grantedMs, this.#options.timing)
    return this.#options.env.clock.elapsedMs(renewal.sentAt) < validMs ? renewal : undefined
  }

  async #hasTwin(place: Place, key: string, signal: AbortSignal): Promise<boolean> {
    const { cluster, candidateId } = this.#options
    const alive = await Promise.all(
      twinsIn(place, key, candidateId).map((twin) => isAlive(cluster, twin, signal)),
    )
    return alive.includes(true)
  }

  /** Answers for a first try, and goes on without being waited for: the session lives on, so no expiry would do it. */
  #remove(
    election: string,
    key: string,
    revision: bigint | undefined,
    uncertain: () => boolean,
    before?: Promise<unknown>,
  ): Promise<'removed' | 'absent' | 'unknown'> {
    const remove = (): Promise<'removed' | 'absent' | 'unknown'> => {
      if (uncertain()) this.#exorcise(election, key)
      return this.#tryToRemove(key, revision)
    }
    const first = before === undefined ? remove() : before.then(remove)
    const cleared = first.then((is) => (is === 'unknown' ? this.#insist(key, revision) : undefined))
    this.#leaving.set(election, cleared)
    void cleared.then(() => this.#leaving.get(election) === cleared && this.#leaving.delete(election))
    return first
  }

  async #tryToRemove(key: string, revision: bigint | undefined): Promise<'removed' | 'absent' | 'unknown'> {
    if (this.#over) return 'removed'
    const { cluster } = this.#options
    let unanswered = false
    try {
      const limits = { withinMs: cluster.attemptMs, uncertain: () => (unanswered = true) }
      return (await cluster.call(withdraw(key, revision), limits)) || unanswered ? 'removed' : 'absent'
    } catch (error) {
      return isLeaseGone(error) || this.#over ? 'removed' : 'unknown'
    }
  }

  async #insist(key: string, revision: bigint | undefined): Promise<void> {
    const { cluster, first, env } = this.#options
    for (let tries = 0; !this.#over; tries++) {
      try {
        await cluster.call(withdraw(key, revision), { withinMs: first.grantedMs, wanted: () => !this.#over })
        return
      } catch (error) {
        if (this.#over || isLeaseGone(error)) return
        if (tries === 0) env.report({ during: `removal of the key ${key}`, error })
        await cluster.pause(1000).catch(() => undefined)
      }
    }
  }

  /**
   * A put without an answer may land after the key was removed, and would then hold the election for as long as this
   * session lives, for nobody. Whatever appears there while nobody stands is removed.
   */
  #exorcise(election: string, key: string): void {
    if (this.#ghosts.has(election) || this.#over) return
    const { hub, at } = this.#options
    const watch = (fromRevision: bigint): { close(): void } =>
      hub.watch(
        { key, isPrefix: false, fromRevision },
        {
          events: (events) => {
            const { is, kv } = events.at(-1)!
            if (is === 'put' && !this.#candidacies.has(election))
              void this.#remove(election, key, kv.createRevision, () => false)
          },
          compacted: () => {
            this.#ghosts.set(election, watch(0n))
            if (!this.#candidacies.has(election)) void this.#remove(election, key, undefined, () => false)
          },
          refused: () => undefined,
        },
      )
    this.#ghosts.set(election, watch(at + 1n))
  }
}

function gone(): MandateError<'BACKEND_UNAVAILABLE'> {
  return new MandateError('BACKEND_UNAVAILABLE', 'the etcd lease of this session has ended', {})
}
