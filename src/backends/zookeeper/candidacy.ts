/**
 * One candidacy: stands in the queue by its node, waits for the node before it alone, and looks again before it says that
 * it won. Every look asks the ensemble's leader first (`sync`), so that what is read is no older than the look.
 */
import { electionPath } from '../../fencing/zookeeper-layout.ts'
import { MandateError } from '../../errors.ts'
import { holderValidityMs } from '../../lease/deadline.ts'
import type {
  BackendEnv,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  LeaseTiming,
  LossReason,
  Metadata,
  Renewal,
} from '../backend.ts'
import { answerWithin } from '../settled.ts'
import { isZooKeeperError } from '../../clients/zookeeper/error-codes.ts'
import type { WatchEvent } from '../../clients/zookeeper/records.ts'
import type { Contender, ContenderNode } from './contender.ts'
import type { Dialect } from './dialects.ts'
import { refusalOf } from './failures.ts'
import type { Place } from './failures.ts'
import { Twins } from './twins.ts'

/** How long an answer to `leave` or `proclaim` is waited for, in ms. What was asked for goes on. */
const ANSWER_MS = 3000

export interface CandidacyTies {
  readonly place: Place
  readonly env: BackendEnv
  readonly timing: LeaseTiming
  readonly dialect: Dialect
  readonly tokenBase: bigint
  readonly candidateId: string
  readonly sessionId: bigint
  /** The newest renewal, run out or not. */
  renewal(): Renewal
  /** First in line, but that has run out: to be told by `supported` when there is a newer one. */
  unsupported(): void
  /** Resolves once no earlier node of this session stands in the election. */
  readonly predecessorGone: Promise<unknown>
  /** It is over; `gone` resolves when its node is. */
  over(gone: Promise<unknown>): void
}

type Phase = 'waiting' | 'holding' | 'over'

export class ZooKeeperCandidacy implements Candidacy {
  readonly #request: CandidacyRequest
  readonly #on: CandidacyEvents
  readonly #ties: CandidacyTies
  readonly #contender: Contender
  readonly #twins: Twins
  #phase: Phase = 'waiting'
  #node: ContenderNode | undefined
  #watchesOwn = false
  #awaited: string | undefined
  #looking = false
  #dirty = false
  #told: number | undefined

  constructor(request: CandidacyRequest, on: CandidacyEvents, ties: CandidacyTies, contender: Contender) {
    this.#request = request
    this.#on = on
    this.#ties = ties
    this.#contender = contender
    const { place, env, dialect, sessionId } = ties
    const look = (): void => this.#look()
    this.#twins = new Twins({
      ...{ clock: env.clock, client: place.client, dialect, sessionId, look },
      ...{ election: request.election, guid: contender.guid },
    })
  }

  /** Once, behind `enter`. */
  async stand(): Promise<void> {
    await this.#ties.predecessorGone
    if (this.#isOver()) return
    try {
      this.#node = await this.#contender.create(this.#request.metadata)
    } catch (error) {
      return this.#failed(error, 'create a znode')
    }
    this.#look()
  }

  renewed(renewal: Renewal): void {
    if (this.#phase === 'holding') this.#on.renewed(renewal)
  }

  supported(): void {
    this.#look()
  }

  /** Its connection is back: what happened meanwhile may have been missed. */
  reattached(): void {
    if (this.#phase === 'waiting') this.#look()
    else if (this.#phase === 'holding' && !this.#watchesOwn) void this.#checkOwn()
  }

  end(reason: LossReason, cause?: unknown): void {
    if (!this.#stop()) return
    this.#on.ended({ reason, ...(cause === undefined ? {} : { cause }) })
  }

  async leave(o: Cancellable): Promise<'left' | 'was-not-holder' | 'unknown'> {
    if (!this.#stop()) return 'was-not-holder'
    const removed = this.#contender.remove().catch((error: unknown) => this.#stays(error))
    const answer = await this.#answerInTime(removed, o)
    return answer === 'removed' ? 'left' : answer === 'absent' ? 'was-not-holder' : 'unknown'
  }

  /** The order of a queue is ZooKeeper's. */
  transfer(): Promise<'refused'> {
    return Promise.resolve('refused')
  }

  async proclaim(metadata: Metadata, o: Cancellable): Promise<'done' | 'was-not-holder' | 'unknown'> {
    const node = this.#node
    if (this.#phase !== 'holding' || node === undefined) return 'was-not-holder'
    const done = this.#contender.writeMetadata(metadata, node).then(
      () => 'done' as const,
      (error: unknown) => {
        if (isZooKeeperError(error, 'NONODE', 'SESSIONEXPIRED')) return 'was-not-holder' as const
        if (isZooKeeperError(error, 'CONNECTIONLOSS')) return 'unknown' as const
        return refusalOf(error, {
          what: 'write the metadata',
          path: '/.mandate',
          place: this.#ties.place,
        }).then((refusal) => Promise.reject(refusal))
      },
    )
    return this.#answerInTime(done, o)
  }

  // ---- looking --------------------------------------------------------------------------------------------------

  /** One look at a time; what happens meanwhile is looked at once more. */
  #look(): void {
    this.#dirty = true
    if (this.#looking || this.#phase !== 'waiting') return
    this.#looking = true
    void this.#lookWhileDirty().finally(() => (this.#looking = false))
  }

  async #lookWhileDirty(): Promise<void> {
    while (this.#dirty && this.#phase === 'waiting') {
      this.#dirty = false
      const node = this.#node
      if (node === undefined) return
      try {
        await this.#lookOnce(node)
      } catch (error) {
        // A read that breaks every connection it is asked on, or a delete: it is asked for as long as the session lives.
        if (isZooKeeperError(error, 'CONNECTIONLOSS') && this.#ties.place.client.end === undefined)
          this.#dirty = true
        else return this.#failed(error, 'read the candidates')
      }
    }
  }

  async #lookOnce(node: ContenderNode): Promise<void> {
    const { client } = this.#ties.place
    // In one go: the server answers in order, so that what is read behind `sync` is as new as the look.
    const [, own, listed] = await Promise.all([
      client.sync('/'),
      this.#readOwn(node),
      client.getChildren(electionPath(this.#request.election)).catch(unlessNoNode),
    ])
    if (this.#isOver()) return
    if (own === undefined || listed === undefined) return this.#lost()
    if (own.ephemeralOwner !== this.#ties.sessionId) return this.#lost()
    const order = this.#ties.dialect.order(listed.children)
    const ahead = order.indexOf(node.name)
    if (ahead === -1) return this.#lost()
    const before = order.slice(0, ahead)
    const twins = await this.#twins.verdict(before)
    if (this.#isOver()) return this.#twins.forget()
    if (twins.is === 'living') return this.#refuseTwin(twins.sinceMs)
    const last = before.at(-1)
    if (last === undefined) return this.#win(node)
    if (twins.is === 'none' && this.#told !== ahead) {
      this.#told = ahead
      this.#on.waiting(ahead)
    }
    await this.#await(last)
  }

  /** Reads the own node, and watches it from the first time on: an operator may delete it at any time. */
  async #readOwn(node: ContenderNode) {
    const { client } = this.#ties.place
    const watcher = this.#watchesOwn ? undefined : this.#onOwnEvent
    try {
      const { stat } = await client.getData(node.path, watcher)
      this.#watchesOwn = true
      return stat
    } catch (error) {
      return unlessNoNode(error)
    }
  }

  readonly #onOwnEvent = (event: WatchEvent): void => {
    this.#watchesOwn = false
    if (this.#isOver()) return
    if (event.type === 'deleted') return this.#lost()
    void this.#checkOwn()
  }

  /** Its data was changed: somebody asks the holder to let go, or an operator was at work. */
  async #checkOwn(): Promise<void> {
    const node = this.#node
    if (node === undefined) return
    const { dialect, place } = this.#ties
    try {
      this.#watchesOwn = true
      const { data } = await place.client.getData(node.path, this.#onOwnEvent)
      if (dialect.revocation === undefined || data.toString() !== dialect.revocation) return
      this.end('revoked', new Error('a native peer asked the holder to let go'))
    } catch (error) {
      this.#watchesOwn = false
      if (isZooKeeperError(error, 'NONODE')) this.#lost()
    }
  }

  /** Watches the node before this one, and none else: whoever goes wakes one candidate, not all. */
  async #await(name: string): Promise<void> {
    const path = `${electionPath(this.#request.election)}/${name}`
    if (this.#awaited === path) return
    this.#stopAwaiting()
    this.#awaited = path
    try {
      await this.#ties.place.client.getData(path, this.#onPredecessorEvent)
    } catch (error) {
      this.#awaited = undefined
      if (!isZooKeeperError(error, 'NONODE')) throw error
      this.#dirty = true
    }
  }

  readonly #onPredecessorEvent = (event: WatchEvent): void => {
    if (this.#awaited === undefined || !this.#awaited.endsWith(event.path.slice(event.path.lastIndexOf('/'))))
      return
    this.#awaited = undefined
    this.#look()
  }

  #stopAwaiting(): void {
    if (this.#awaited !== undefined) this.#ties.place.client.unwatch(this.#awaited, this.#onPredecessorEvent)
    this.#awaited = undefined
  }

  #win(node: ContenderNode): void {
    const renewal = this.#ties.renewal()
    if (
      this.#ties.env.clock.elapsedMs(renewal.sentAt) >= holderValidityMs(renewal.grantedMs, this.#ties.timing)
    ) {
      // The session may be gone already. With the next renewal it is looked at again.
      return this.#ties.unsupported()
    }
    this.#phase = 'holding'
    this.#twins.forget()
    this.#on.won({ token: this.#ties.tokenBase + node.czxid, renewal })
  }

  #refuseTwin(sinceMs: number): void {
    const id = this.#ties.candidateId
    this.end(
      'refused',
      new MandateError(
        'DUPLICATE_ID',
        `candidate '${id}' stands in election '${this.#request.election}' already, from another process that is ` +
          `connected (seen for ${sinceMs} ms); give every process an id of its own`,
        { id, sinceMs },
      ),
    )
  }

  // ---- the end --------------------------------------------------------------------------------------------------

  /** The node is gone: with the session, if that may have run out; else by somebody's hand. */
  #lost(): void {
    const { env, timing } = this.#ties
    const renewal = this.#ties.renewal()
    const live = env.clock.elapsedMs(renewal.sentAt) < holderValidityMs(renewal.grantedMs, timing)
    if (live) this.end('revoked', new Error("somebody deleted this candidate's znode"))
    else this.end('session-lost')
  }

  #failed(error: unknown, what: string): void {
    if (this.#isOver()) return
    const { place } = this.#ties
    if (place.client.end !== undefined) return this.end('session-lost', error)
    void refusalOf(error, { what, path: electionPath(this.#request.election), place }).then((refusal) =>
      this.end('refused', refusal),
    )
  }

  #isOver(): boolean {
    return this.#phase === 'over'
  }

  #stop(): boolean {
    if (this.#phase === 'over') return false
    this.#phase = 'over'
    this.#twins.forget()
    this.#stopAwaiting()
    if (this.#node !== undefined) this.#ties.place.client.unwatch(this.#node.path, this.#onOwnEvent)
    this.#ties.over(this.#contender.remove().catch(() => undefined))
    return true
  }

  /** It may not be removed: it stands in everybody's way until the session ends, and somebody must hear of that. */
  async #stays(error: unknown): Promise<'unknown'> {
    const { env, place } = this.#ties
    const path = this.#node?.path ?? electionPath(this.#request.election)
    const refusal = await refusalOf(error, { what: "delete this candidate's own znode", path, place })
    env.report({ during: `release of election '${this.#request.election}'`, error: refusal })
    return 'unknown'
  }

  /** `unknown` when it takes too long, or is given up; it goes on in any case. */
  #answerInTime<T>(answer: Promise<T>, { signal }: Cancellable): Promise<T | 'unknown'> {
    const { env, place } = this.#ties
    const ms = Math.min(ANSWER_MS, place.client.timeoutMs)
    return answerWithin(answer, 'unknown' as const, { clock: env.clock, ms, signal })
  }
}

function unlessNoNode(error: unknown): undefined {
  if (isZooKeeperError(error, 'NONODE')) return undefined
  throw error
}
