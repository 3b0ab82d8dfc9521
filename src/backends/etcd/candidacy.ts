/** One candidacy: a key in the queue of its election, which leads when no key before it is left. */
import type {
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  LossReason,
  Metadata,
  Renewal,
} from '../backend.ts'
import { MandateError, isMandateError } from '../../errors.ts'
import type { EtcdCluster } from './cluster.ts'
import { isLeaseGone } from './failures.ts'
import { encodeValue } from './layout.ts'
import { look, replaceValue, stand, type Place } from './requests.ts'
import type { KeyEvent, WatchHub } from './watch-hub.ts'

/** What a candidacy needs of its session. */
export interface CandidacyTie {
  readonly cluster: EtcdCluster
  readonly hub: WatchHub
  readonly lease: bigint
  readonly leaseMs: number
  readonly candidateId: string
  readonly tokenBase: bigint
  /** Where the election is. */
  readonly prefix: string
  readonly key: string
  /** The newest renewal if it has not run out. */
  renewal(): Renewal | undefined
  renewNow(): Promise<void>
  /** The lease is gone: the session is over. */
  leaseGone(): void
  /** Resolves when nothing of the session's earlier candidacy in this election is left. */
  cleared(): Promise<void>
  /** Whether another process stands under this candidate id, and is alive. */
  hasTwin(place: Place, signal: AbortSignal): Promise<boolean>
  /**
   * Takes the key away, after `before`, until it is known to be gone; `unknown` when that takes longer than one try.
   * `uncertain`, asked then: a request that puts it may still land.
   */
  remove(
    revision: bigint | undefined,
    uncertain: () => boolean,
    before?: Promise<unknown>,
  ): Promise<'removed' | 'absent' | 'unknown'>
  report(during: string, error: unknown): void
  over(): void
}

type State =
  | { readonly is: 'entering' }
  | { readonly is: 'waiting'; readonly revision: bigint }
  | { readonly is: 'leading'; readonly revision: bigint }
  | { readonly is: 'over' }

export class EtcdCandidacy implements Candidacy {
  readonly #request: CandidacyRequest
  readonly #on: CandidacyEvents
  readonly #tie: CandidacyTie
  readonly #abort = new AbortController()
  #state: State = { is: 'entering' }
  /** The request that puts the key, from its first attempt on. */
  #standing: Promise<unknown> | 'settled' | undefined
  /** It may have been carried out unseen, and may still be. */
  #uncertain = false
  /** The revision in which the own key was changed last, as far as is known. */
  #changedAt = 0n
  #ownWatch: { close(): void } | undefined
  #aheadWatch: { close(): void } | undefined
  #proclaimed: Promise<unknown> = Promise.resolve()

  constructor(request: CandidacyRequest, on: CandidacyEvents, tie: CandidacyTie) {
    this.#request = request
    this.#on = on
    this.#tie = tie
  }

  /** Never throws: whatever goes wrong is an end, or is tried again. */
  async start(): Promise<void> {
    await this.#tie.cleared()
    while (this.#state.is === 'entering') {
      try {
        const place = await this.#stand()
        if (place !== undefined) await this.#queued(place)
        return
      } catch (error) {
        if (!(await this.#survives(error, 'campaign'))) return
      }
    }
  }

  get leads(): boolean {
    return this.#state.is === 'leading'
  }

  renewed(renewal: Renewal): void {
    if (this.#state.is === 'leading') this.#on.renewed(renewal)
  }

  end(reason: LossReason, cause?: unknown): void {
    if (!this.#stop()) return
    this.#on.ended(cause === undefined ? { reason } : { reason, cause })
  }

  // ---- on the way to a win --------------------------------------------------------------------------------------

  async #stand(): Promise<Place | undefined> {
    if (this.#over()) return undefined
    const { cluster, prefix, key, lease, leaseMs, candidateId } = this.#tie
    const value = encodeValue(candidateId, this.#request.metadata)
    const asked = cluster.call(stand(prefix, key, value, lease), {
      withinMs: leaseMs,
      // Not aborted on its way: its answer says whether there is something to take back.
      wanted: () => !this.#over(),
      uncertain: () => (this.#uncertain = true),
    })
    this.#standing = asked.catch(() => undefined)
    const place = await asked
    this.#standing = 'settled'
    if (this.#over()) return undefined
    // Found, and not put: by an attempt whose answer was lost, or by an earlier candidacy with other metadata.
    this.#changedAt = place.own?.modRevision ?? place.revision
    if (place.own !== undefined && !Buffer.from(place.own.value).equals(value))
      await this.#replaceValue(place.revision, value, this.#abort.signal)
    return place
  }

  async #queued(place: Place): Promise<void> {
    if (this.#over()) return
    const { revision } = place
    this.#state = { is: 'waiting', revision }
    this.#watchOwn(revision, place.at)
    if (await this.#tie.hasTwin(place, this.#abort.signal)) return this.#refuse(twin(this.#tie.candidateId))
    if (!this.#waits(revision)) return
    if (place.ahead.length === 0) return this.#stands(place)
    // Nobody waits for this look but the next one: the code of it has run by the time when milliseconds count.
    await this.#lookAgain(revision)
  }

  /** After a look: leads, or waits for whoever is right before it, and for nobody else. */
  #stands(place: Place): void {
    const [before] = place.ahead
    if (before === undefined) return void this.#claim(place)
    this.#on.waiting(place.ahead.length)
    this.#aheadWatch?.close()
    this.#aheadWatch = this.#watch(String(Buffer.from(before.key)), place.at + 1n, (events) => {
      if (events.some(({ is }) => is === 'deleted')) void this.#lookAgain(place.revision)
    })
  }

  async #lookAgain(revision: bigint): Promise<void> {
    const { cluster, prefix, key, leaseMs } = this.#tie
    while (this.#waits(revision)) {
      try {
        const limits = { signal: this.#abort.signal, withinMs: leaseMs }
        const place = await cluster.call(look(prefix, key, revision), limits)
        if (!this.#waits(revision)) return
        // Whoever waited may have lost its key meanwhile (etcd#11456): the watch of it says what comes next.
        if (place.own?.createRevision !== revision) return this.#deleted()
        return this.#stands(place)
      } catch (error) {
        if (!(await this.#survives(error, 'campaign'))) return
      }
    }
  }

  /** The own key was first in a read that a majority confirmed; the lease must be known to live as well. */
  async #claim(place: Place): Promise<void> {
    const renewal = this.#tie.renewal()
    if (renewal === undefined) {
      await this.#tie.renewNow()
      return this.#lookAgain(place.revision)
    }
    this.#state = { is: 'leading', revision: place.revision }
    this.#on.won({ token: this.#tie.tokenBase + place.revision, renewal })
  }

  /** By an operator, or with the lease. */
  #deleted(): void {
    const { is } = this.#state
    if (is === 'leading') {
      const certain = this.#tie.renewal() !== undefined
      // Nobody stands by it from now on: a put that may still land would hold the election for nobody.
      if (this.#uncertain) void this.#remove(this.#revision())
      this.end(certain ? 'revoked' : 'expired')
      void this.#tie.renewNow()
    } else if (is === 'waiting') {
      this.#closeWatches()
      this.#state = { is: 'entering' }
      void this.start()
    }
  }

  #watchOwn(revision: bigint, at: bigint): void {
    const { key, lease } = this.#tie
    this.#ownWatch = this.#watch(key, at + 1n, (events) => {
      if (events.some(({ is }) => is === 'deleted')) return this.#deleted()
      if (events.every(({ kv }) => kv.lease === lease)) return
      // Somebody wrote over it, without our lease: it would outlive us, and hold the election for ever.
      void this.#tie.remove(revision, () => this.#uncertain)
      this.#deleted()
    })
  }

  #watch(
    key: string,
    fromRevision: bigint,
    events: (events: readonly KeyEvent[]) => void,
  ): { close(): void } {
    return this.#tie.hub.watch(
      { key, isPrefix: false, fromRevision },
      {
        events,
        compacted: () => void this.#recheck(),
        refused: (error) => this.#refuse(error),
      },
    )
  }

  /** A watch was behind by more than the store remembers: its key may be gone. */
  async #recheck(): Promise<void> {
    const state = this.#state
    if (state.is !== 'waiting' && state.is !== 'leading') return
    const { cluster, prefix, key, leaseMs } = this.#tie
    while (this.#state === state) {
      try {
        const place = await cluster.call(look(prefix, key, state.revision), {
          signal: this.#abort.signal,
          withinMs: leaseMs,
        })
        if (this.#state !== state) return
        if (place.own?.createRevision !== state.revision) return this.#deleted()
        this.#ownWatch?.close()
        this.#watchOwn(state.revision, place.at)
        if (state.is === 'waiting') this.#stands(place)
        return
      } catch (error) {
        if (!(await this.#survives(error, 'watch'))) return
      }
    }
  }

  /** Whether to try again. */
  async #survives(error: unknown, during: string): Promise<boolean> {
    if (this.#over()) return false
    if (isLeaseGone(error)) {
      this.#tie.leaseGone()
      return false
    }
    if (!isMandateError(error, 'BACKEND_UNAVAILABLE')) {
      this.#refuse(error)
      return false
    }
    this.#tie.report(`${during} for '${this.#request.election}'`, error)
    return true
  }

  #refuse(cause: unknown): void {
    const revision = this.#revision()
    if (!this.#stop()) return
    void this.#remove(revision)
    this.#on.ended({ reason: 'refused', cause })
  }

  // ---- what its owner asks --------------------------------------------------------------------------------------

  async leave({ signal }: Cancellable): Promise<'left' | 'was-not-holder' | 'unknown'> {
    if (this.#over()) return 'was-not-holder'
    // First of all the request that somebody waits for; what its watches tell from now on concerns nobody.
    const removed = this.#remove(this.#revision())
    this.#state = { is: 'over' }
    this.#tie.over()
    void removed.finally(() => this.#cleanUp())
    if (signal?.aborted === true) return 'unknown'
    const is = await (signal === undefined ? removed : Promise.race([removed, aborted(signal)]))
    return is === 'unknown' ? 'unknown' : is === 'removed' || this.#uncertain ? 'left' : 'was-not-holder'
  }

  transfer(): Promise<'refused'> {
    return Promise.resolve('refused')
  }

  proclaim(metadata: Metadata, { signal }: Cancellable): Promise<'done' | 'was-not-holder' | 'unknown'> {
    const state = this.#state
    if (state.is !== 'leading') return Promise.resolve('was-not-holder')
    const value = encodeValue(this.#tie.candidateId, metadata)
    const ask = async (): Promise<'done' | 'was-not-holder' | 'unknown'> => {
      if (this.#state !== state) return 'was-not-holder'
      try {
        return (await this.#replaceValue(state.revision, value, signal)) ? 'done' : 'was-not-holder'
      } catch (error) {
        if (isLeaseGone(error)) return 'was-not-holder'
        if (isMandateError(error, 'FORBIDDEN') || isMandateError(error, 'UNAUTHORIZED')) throw error
        return 'unknown'
      }
    }
    // In their order, so that the newest stays.
    const asked = this.#proclaimed.then(ask)
    this.#proclaimed = asked.catch(() => undefined)
    return asked
  }

  /** False: the key is no longer that of this candidacy. */
  async #replaceValue(
    revision: bigint,
    value: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { cluster, key, lease, leaseMs } = this.#tie
    for (;;) {
      const at = this.#changedAt
      const replaced = await cluster.call(replaceValue(key, { revision, at }, value, lease), {
        signal,
        withinMs: leaseMs,
      })
      if (replaced.is === 'gone') return false
      this.#changedAt = replaced.at
      if (replaced.is === 'done') return true
    }
  }

  #remove(revision: bigint | undefined): Promise<'removed' | 'absent' | 'unknown'> {
    if (this.#standing === undefined && revision === undefined) return Promise.resolve('absent')
    // What is on its way lands first, or is known to be uncertain.
    const before = this.#standing === 'settled' ? undefined : this.#standing
    return this.#tie.remove(revision, () => this.#uncertain, before)
  }

  #revision(): bigint | undefined {
    return this.#state.is === 'waiting' || this.#state.is === 'leading' ? this.#state.revision : undefined
  }

  #waits(revision: bigint): boolean {
    return this.#state.is === 'waiting' && this.#state.revision === revision
  }

  #over(): boolean {
    return this.#state.is === 'over'
  }

  #stop(): boolean {
    if (this.#over()) return false
    this.#state = { is: 'over' }
    this.#cleanUp()
    this.#tie.over()
    return true
  }

  #cleanUp(): void {
    this.#closeWatches()
    this.#abort.abort(new MandateError('CANCELLED', 'the candidacy has ended', {}))
  }

  #closeWatches(): void {
    this.#ownWatch?.close()
    this.#aheadWatch?.close()
    this.#ownWatch = undefined
    this.#aheadWatch = undefined
  }
}

function twin(id: string): MandateError<'DUPLICATE_ID'> {
  const message = `another process stands as candidate '${id}' in this election, and its session is alive; give every process an id of its own`
  return new MandateError('DUPLICATE_ID', message, { id })
}

function aborted(signal: AbortSignal): Promise<'unknown'> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve('unknown'), { once: true }))
}
