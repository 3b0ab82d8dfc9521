/** A candidate in a peer's process, with a session of its own: what a backend and an application do, without promises. */
import { grantorSilenceMs } from '../../lease/deadline.ts'
import type { Timing } from '../../lease/timing.ts'
import type { BullyInput, SessionFacts, SessionNews } from '../../protocols/bully/types.ts'
import type { Configuration } from '../../protocols/quorum/types.ts'
import {
  acknowledged,
  createHolder,
  isEndangered,
  refused,
  reopened,
  sent,
} from '../../protocols/support/holder.ts'
import type { CandidatePlan } from '../core/core-plan.ts'
import { Tenure } from '../bare/tenure.ts'
import type { Stream } from '../streams.ts'

/** What a candidate needs of the process that it lives in. */
export interface BullyCandidateWorld {
  readonly timing: Timing
  readonly configuration: Configuration
  readonly host: { readonly peer: string; readonly incarnation: number }
  readonly chance: Stream
  /** By the process's clock. */
  now(): number
  /** Ends with the process. */
  after(delayMs: number, act: () => void): void
  feed(input: BullyInput): void
  elected(candidate: BullyCandidate): void
  lost(candidate: BullyCandidate): void
}

export class BullyCandidate {
  readonly plan: CandidatePlan
  readonly #world: BullyCandidateWorld
  readonly #tenure: Tenure<number>
  #life = 0
  session = ''
  #reopening = 0
  #sequence = 0
  /** Keepalives since a majority answered last, and until when it says nothing. */
  #unanswered = 0
  #quietUntil = -Infinity
  #state: 'resting' | 'opening' | 'open' = 'resting'
  /** It campaigns, or leads. */
  wants = false

  constructor(plan: CandidatePlan, world: BullyCandidateWorld) {
    this.plan = plan
    this.#world = world
    this.#tenure = new Tenure(plan, world, {
      elected: () => world.elected(this),
      lost: () => world.lost(this),
      resign: () => this.resign(),
    })
    this.#rest(0.2)
  }

  /** Of the leadership that it was told of and did not lose; null = none. */
  get token(): number | null {
    return this.#tenure.token
  }

  /** By the process's own clock; changes nothing. */
  isValid(): boolean {
    return this.#tenure.isValid
  }

  // ---- what its application does ------------------------------------------------------------------------------------

  resign(): void {
    if (this.#tenure.token === null) return
    this.#leave()
    this.#rest(1)
  }

  cancel(): void {
    if (!this.wants || this.#tenure.token !== null || this.#state !== 'open') return
    this.#leave()
    this.#rest(1)
  }

  /** Stops, then names its successor. */
  transfer(to: string): void {
    if (this.#tenure.token === null) return
    this.#leave(to)
    this.#rest(1)
  }

  close(): void {
    if (this.#state === 'open') this.#endSession()
  }

  #rest(part: number): void {
    this.#tenure.rest(part, () => this.#stand())
  }

  #stand(): void {
    if (this.#state === 'resting') {
      this.#life += 1
      const { process, election } = this.plan
      this.session = `${process}.${this.#world.host.incarnation}.${election}.${this.#life}`
      this.#state = 'opening'
      this.#world.feed({ type: 'open', of: this.#facts(1) })
      return
    }
    if (this.#state !== 'open' || this.wants) return
    this.wants = true
    const { election, exclusivity, priority } = this.plan
    const epoch = this.#tenure.holder?.epoch ?? 1
    this.#world.feed({
      type: 'campaign',
      election,
      stand: { of: this.#facts(epoch), priority, exclusivity, metadata: {} },
    })
  }

  #facts(epoch: number): SessionFacts {
    const { timing, host } = this.#world
    return { session: this.session, epoch, id: this.plan.candidate, leaseMs: timing.leaseMs, host }
  }

  // ---- once a heartbeat --------------------------------------------------------------------------------------------

  beat(): void {
    const holder = this.#tenure.holder
    if (holder === null || this.#state !== 'open') return
    this.#watchDeadline()
    if (holder.refusals.size > 0 && isEndangered(holder)) {
      // Only a session that is still supported may go on in another epoch: what it held before would come back to life.
      if (!this.#tenure.isSupported) return this.#endSession()
      if (this.#reopening <= holder.epoch) {
        this.#reopening = holder.epoch + 1
        this.#world.feed({ type: 'open', of: this.#facts(this.#reopening) })
      }
    }
    if (!this.#speaks()) return
    this.#sequence += 1
    sent(holder, this.#sequence, this.#world.now())
    const { session } = this
    this.#world.feed({
      type: 'keepalive',
      keepalive: { type: 'keepalive', session, epoch: holder.epoch, sequence: this.#sequence },
    })
  }

  /** Whoever hears no majority falls silent until its session has run out, as `backends/raft-liveness.ts` has it. */
  #speaks(): boolean {
    const { heartbeatMs, leaseMs } = this.#world.timing
    const now = this.#world.now()
    if (now < this.#quietUntil) return false
    if (this.#unanswered <= Math.ceil(leaseMs / heartbeatMs) + 1) {
      this.#unanswered += 1
      return true
    }
    this.#unanswered = 0
    this.#quietUntil = now + grantorSilenceMs(leaseMs, this.#world.timing) + 6 * heartbeatMs
    return false
  }

  /** What stood on a deadline that has passed is over for ever. */
  #watchDeadline(): void {
    if (this.#tenure.token === null || this.#tenure.isSupported) return
    this.#leave()
    this.#rest(1)
  }

  // ---- what the peer says --------------------------------------------------------------------------------------------

  hear(news: SessionNews): void {
    switch (news.type) {
      case 'opened':
        this.#opened(news.epoch)
        return
      case 'duplicate':
      case 'over':
        this.#endSession()
        return
      case 'support':
        this.#supported(news.reply)
        return
      case 'granted':
        if (!this.wants || this.#state !== 'open') return
        this.#tenure.granted = news.epoch
        this.#tenure.lead()
        return
      case 'superseded':
        if (news.epoch !== this.#tenure.granted) return
        this.#leave()
        this.#rest(1)
        return
      case 'challenged':
        this.transfer(news.by)
        return
      case 'refused':
        this.#lose()
        this.#rest(1)
        return
      case 'waiting':
      case 'known':
      case 'not-holder':
        return
      default:
        news satisfies never
    }
  }

  #opened(epoch: number): void {
    if (this.#state === 'opening' && epoch === 1) {
      this.#state = 'open'
      this.#reopening = 0
      this.#tenure.holder = createHolder({ configuration: this.#world.configuration, epoch })
      this.#stand()
    } else if (this.#state === 'open' && this.#tenure.holder !== null && epoch > this.#tenure.holder.epoch) {
      if (this.#tenure.isSupported) reopened(this.#tenure.holder, epoch)
      else this.#endSession()
    }
  }

  #supported(reply: Extract<SessionNews, { type: 'support' }>['reply']): void {
    const holder = this.#tenure.holder
    if (holder === null || reply.session !== this.session) return
    if (reply.type === 'keepalive-refusal') {
      refused(holder, reply)
      return
    }
    this.#watchDeadline()
    if (!acknowledged(holder, reply)) return
    this.#unanswered = 0
    this.#quietUntil = -Infinity
    if (this.#tenure.granted !== null && this.#tenure.token === null) this.#tenure.lead()
  }

  #lose(): void {
    this.wants = false
    this.#tenure.lose()
  }

  #leave(heir?: string): void {
    const { election } = this.plan
    this.#lose()
    this.#world.feed({
      type: 'leave',
      election,
      session: this.session,
      ...(heir === undefined ? {} : { heir }),
    })
  }

  /** Another one takes its place, later. */
  #endSession(): void {
    this.#lose()
    this.#world.feed({ type: 'close', session: this.session })
    this.#state = 'resting'
    this.#tenure.holder = null
    this.#sequence = 0
    this.#unanswered = 0
    this.#quietUntil = -Infinity
    this.session = ''
    this.#rest(1)
  }
}
