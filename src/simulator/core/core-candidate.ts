/**
 * A candidate in a peer's process, with a session of its own: what `backends/raft-session` and an application do, without
 * promises. It asks its own peer, whose registry tells it what became of it.
 */
import type { Proposal } from '../../cluster/messages.ts'
import {
  acknowledged,
  createHolder,
  isEndangered,
  refused,
  reopened,
  sent,
} from '../../protocols/support/holder.ts'
import type { Keepalive, KeepaliveAck, KeepaliveRefusal } from '../../protocols/support/types.ts'
import type { Configuration } from '../../protocols/quorum/types.ts'
import type { RegistryEvent, SessionHost, SessionRequest } from '../../registry/types.ts'
import type { Timing } from '../../lease/timing.ts'
import { Tenure } from '../bare/tenure.ts'
import type { Stream } from '../streams.ts'
import type { CandidatePlan } from './core-plan.ts'

/** What a candidate needs of the process that it lives in. */
export interface CandidateWorld {
  readonly timing: Timing
  readonly configuration: Configuration
  readonly host: SessionHost
  readonly chance: Stream
  /** By the process's clock. */
  now(): number
  /** Ends with the process. */
  after(delayMs: number, act: () => void): void
  /** To the Raft leader, wherever it is; perhaps lost. */
  propose(proposal: Proposal): void
  keepalive(keepalive: Keepalive): void
  elected(candidate: CoreCandidate): void
  lost(candidate: CoreCandidate): void
}

/** A proposal that was not answered is repeated after so many heartbeats. */
const repeatAfterBeats = 3

export class CoreCandidate {
  readonly plan: CandidatePlan
  readonly #world: CandidateWorld
  readonly #tenure: Tenure<bigint>
  readonly #leaseMs: number
  #life = 0
  session = ''
  #sequence = 0
  /** The last batch sent, and what waits to be sent with the next. */
  #number = 0
  #inFlight: SessionRequest[] | null = null
  #waiting: SessionRequest[] = []
  #beatsUntilRepeat = 0
  #state: 'resting' | 'opening' | 'open' | 'closing' = 'resting'
  /** It campaigns, or leads. */
  #wants = false
  /** What it campaigns with; news of a grant before the log has it are about an earlier candidacy. */
  #campaign: SessionRequest | null = null
  #stands = false

  constructor(plan: CandidatePlan, world: CandidateWorld) {
    this.plan = plan
    this.#world = world
    this.#tenure = new Tenure(plan, world, {
      elected: () => world.elected(this),
      lost: () => world.lost(this),
      resign: () => this.resign(),
    })
    this.#leaseMs = world.timing.leaseMs
    this.#rest(0.2)
  }

  /** Of the leadership that it was told of and did not lose; null = none. */
  get token(): bigint | null {
    return this.#tenure.token
  }

  /** By the process's own clock; changes nothing. */
  isValid(): boolean {
    return this.#tenure.isValid
  }

  // ---- what its application does ------------------------------------------------------------------------------------

  resign(): void {
    if (this.#tenure.token === null) return
    this.#giveBack()
    this.#rest(1)
  }

  cancel(): void {
    if (!this.#wants || this.#tenure.token !== null || this.#state !== 'open') return
    this.#wants = this.#stands = false
    this.#tenure.granted = null
    this.#request({ type: 'leave', election: this.plan.election })
    this.#rest(1)
  }

  /** Stops, then names its successor. */
  transfer(to: string): void {
    if (this.#tenure.token === null) return
    const token = this.#tenure.token
    this.#lose()
    this.#request({ type: 'transfer', election: this.plan.election, token, to })
    this.#rest(1)
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#lose()
    this.#state = 'closing'
    this.#propose()
  }

  #rest(part: number): void {
    this.#tenure.rest(part, () => this.#stand())
  }

  #stand(): void {
    if (this.#state === 'resting') {
      this.#life += 1
      this.session = `${this.plan.process}.${this.#world.host.incarnation}.${this.plan.election}.${this.#life}`
      this.#state = 'opening'
      this.#propose()
      return
    }
    if (this.#state !== 'open' || this.#wants) return
    this.#wants = true
    const { election, exclusivity, priority } = this.plan
    this.#campaign = { type: 'campaign', election, exclusivity, priority, metadata: {} }
    this.#request(this.#campaign)
  }

  // ---- once a heartbeat --------------------------------------------------------------------------------------------

  beat(): void {
    if (this.#state === 'opening' || this.#state === 'closing' || this.#inFlight !== null) {
      this.#beatsUntilRepeat -= 1
      if (this.#beatsUntilRepeat <= 0) this.#propose()
    }
    const holder = this.#tenure.holder
    if (holder === null || this.#state !== 'open') return
    this.#watchDeadline()
    if (holder.refusals.size > 0 && isEndangered(holder))
      this.#world.propose({ type: 'reopen', session: this.session, epoch: holder.epoch })
    this.#sequence += 1
    sent(holder, this.#sequence, this.#world.now())
    this.#world.keepalive({
      type: 'keepalive',
      session: this.session,
      epoch: holder.epoch,
      sequence: this.#sequence,
      patient: this.#tenure.granted === null,
    })
  }

  /** What stood on a deadline that has passed is over for ever. */
  #watchDeadline(): void {
    if (this.#tenure.token === null || this.#tenure.isSupported) return
    this.#giveBack()
    this.#rest(1)
  }

  acknowledged(ack: KeepaliveAck): void {
    const holder = this.#tenure.holder
    if (holder === null) return
    this.#watchDeadline()
    if (acknowledged(holder, ack) && this.#tenure.granted !== null && this.#tenure.token === null)
      this.#tenure.lead()
  }

  refused(refusal: KeepaliveRefusal): void {
    if (this.#tenure.holder !== null) refused(this.#tenure.holder, refusal)
  }

  // ---- what the log says -------------------------------------------------------------------------------------------

  applied(event: RegistryEvent): void {
    switch (event.type) {
      case 'session-opened':
        if (this.#state !== 'opening') return
        this.#state = 'open'
        this.#tenure.holder = createHolder({
          configuration: this.#world.configuration,
          epoch: event.epoch,
        })
        this.#stand()
        return
      case 'session-reopened':
        if (this.#tenure.holder !== null) reopened(this.#tenure.holder, event.epoch)
        return
      case 'batch-applied':
        if (event.number !== this.#number || this.#inFlight === null) return
        if (this.#wants && this.#campaign !== null) this.#stands ||= this.#inFlight.includes(this.#campaign)
        this.#inFlight = null
        this.#sendBatch()
        return
      case 'granted':
        if (event.election !== this.plan.election) return
        this.#tenure.granted = this.#stands ? event.token : null
        this.#tenure.lead()
        return
      case 'freed':
        if (event.token === this.#tenure.granted) this.#freed()
        return
      case 'session-closed':
        this.ended()
        return
      case 'open-refused':
      case 'session-superseded':
      case 'proclaimed':
      case 'queue-changed':
        return
      default:
        event satisfies never
    }
  }

  /** The session is over, or was never let in. */
  ended(): void {
    this.#lose()
    this.#state = 'resting'
    this.#tenure.holder = null
    this.#sequence = 0
    this.#number = 0
    this.#inFlight = null
    this.#waiting = []
    this.session = ''
    this.#rest(1)
  }

  /** The grant is gone: by its own release, by suspicion, or with an older life of the election. */
  #freed(): void {
    this.#lose()
    this.#rest(1)
  }

  #lose(): void {
    this.#wants = this.#stands = false
    this.#tenure.lose()
  }

  #giveBack(): void {
    const token = this.#tenure.token
    this.#lose()
    if (token !== null) this.#request({ type: 'release', election: this.plan.election, token })
  }

  // ---- one batch at a time -------------------------------------------------------------------------------------------

  #request(request: SessionRequest): void {
    this.#waiting.push(request)
    this.#sendBatch()
  }

  #sendBatch(): void {
    if (this.#inFlight !== null || this.#waiting.length === 0 || this.#state !== 'open') return
    this.#inFlight = this.#waiting
    this.#waiting = []
    this.#number += 1
    this.#propose()
  }

  /** For the first time, or again. */
  #propose(): void {
    this.#beatsUntilRepeat = repeatAfterBeats
    const { session } = this
    if (this.#state === 'opening') {
      const { host } = this.#world
      const request = { session, id: this.plan.candidate, leaseMs: this.#leaseMs, host }
      this.#world.propose({ type: 'open', request })
    } else if (this.#state === 'closing') {
      this.#world.propose({ type: 'close', session })
    } else if (this.#inFlight !== null) {
      this.#world.propose({ type: 'batch', session, number: this.#number, requests: this.#inFlight })
    }
  }
}
