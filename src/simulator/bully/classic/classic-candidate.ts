/** A candidate in a peer's process, with a session of its own: what a backend and an application do, without promises. */
import { holderValidityMs } from '../../../lease/deadline.ts'
import type { Timing } from '../../../lease/timing.ts'
import type { ClassicInput, ClassicNews } from '../../../protocols/bully/classic/types.ts'
import type { CandidatePlan } from '../../core/core-plan.ts'
import type { Stream } from '../../streams.ts'

/** What a candidate needs of the process that it lives in. */
export interface ClassicCandidateWorld {
  readonly timing: Timing
  readonly place: number
  readonly run: number
  readonly chance: Stream
  /** By the process's clock. */
  now(): number
  /** Ends with the process. */
  after(delayMs: number, act: () => void): void
  feed(input: ClassicInput): void
  /** It leads, or goes on in a higher epoch. */
  leads(candidate: ClassicCandidate, is: 'granted' | 'risen'): void
  superseded(candidate: ClassicCandidate): void
  stops(candidate: ClassicCandidate): void
}

export class ClassicCandidate {
  readonly plan: CandidatePlan
  readonly place: number
  readonly #world: ClassicCandidateWorld
  readonly #validityMs: number
  #life = 0
  #tag = 0
  session = ''
  /** When its last keepalive was sent, by the process's clock. */
  #sentAt = -Infinity
  #state: 'resting' | 'opening' | 'open' = 'resting'
  /** It campaigns, or leads. */
  wants = false
  epoch: number | null = null
  /** In which epoch the present leadership began. */
  since = 0

  constructor(plan: CandidatePlan, world: ClassicCandidateWorld) {
    this.plan = plan
    this.place = world.place
    this.#world = world
    this.#validityMs = holderValidityMs(world.timing.leaseMs, world.timing)
    this.#rest(0.2)
  }

  /** By the process's own clock; changes nothing. */
  isValid(): boolean {
    return this.epoch !== null && this.#world.now() - this.#sentAt < this.#validityMs
  }

  // ---- what its application does ------------------------------------------------------------------------------------

  resign(): void {
    if (this.epoch !== null) this.#leave(null)
  }

  cancel(): void {
    if (this.wants && this.epoch === null && this.#state === 'open') this.#leave(null)
  }

  /** Stops, then names its successor. */
  transfer(to: string): void {
    if (this.epoch !== null) this.#leave(to)
  }

  close(): void {
    if (this.#state === 'open') this.#endSession()
  }

  #rest(part: number): void {
    const { chance } = this.#world
    const [least, most] = this.plan.restsMs
    this.#world.after(chance.between(least, most) * part, () => this.#stand())
  }

  #stand(): void {
    const { process, candidate: id, election, priority } = this.plan
    if (this.#state === 'resting') {
      this.#life += 1
      this.session = `${process}.${this.#world.run}.${election}.${this.#life}`
      this.#state = 'opening'
      this.#world.feed({ type: 'open', session: this.session, id, leaseMs: this.#world.timing.leaseMs })
      return
    }
    if (this.#state !== 'open' || this.wants) return
    this.wants = true
    this.#tag += 1
    const { session } = this
    this.#world.feed({ type: 'campaign', election, session, priority, metadata: {}, tag: this.#tag })
  }

  // ---- once a heartbeat --------------------------------------------------------------------------------------------

  beat(): void {
    if (this.#state !== 'open') return
    // What stood on a deadline that has passed is over for ever.
    if (this.epoch !== null && !this.isValid()) return this.#leave(null)
    this.#sentAt = this.#world.now()
    this.#world.feed({ type: 'keepalive', session: this.session })
  }

  // ---- what the peer says --------------------------------------------------------------------------------------------

  hear(news: ClassicNews): void {
    switch (news.type) {
      case 'opened':
        if (this.#state !== 'opening') return
        this.#state = 'open'
        this.beat()
        this.#stand()
        return
      case 'duplicate':
      case 'over':
        this.#endSession()
        return
      case 'granted':
        if (this.wants && this.#tag === news.tag) this.#lead(news.epoch)
        return
      case 'risen':
        if (this.epoch === null) return
        this.epoch = news.epoch
        this.#world.leads(this, 'risen')
        return
      case 'superseded': {
        if (news.epoch !== this.epoch) return
        this.#world.superseded(this)
        // Its work takes a moment to hear of it.
        const tag = this.#tag
        this.#world.after(this.#world.chance.between(0, this.#world.timing.heartbeatMs), () => {
          if (this.epoch !== null && this.#tag === tag) this.#leave(null)
        })
        return
      }
      case 'waiting':
      case 'known':
      case 'not-holder':
        return
      default:
        news satisfies never
    }
  }

  #lead(epoch: number): void {
    this.epoch = epoch
    this.since = epoch
    this.#world.leads(this, 'granted')
    const { holdsMs } = this.plan
    if (holdsMs === null) return
    const tag = this.#tag
    this.#world.after(this.#world.chance.between(...holdsMs), () => {
      if (this.#tag === tag) this.resign()
    })
  }

  #lose(): void {
    const led = this.epoch !== null
    this.epoch = null
    this.wants = false
    if (led) this.#world.stops(this)
  }

  #leave(heir: string | null): void {
    this.#lose()
    const { election } = this.plan
    this.#world.feed({ type: 'leave', election, session: this.session, heir, tag: 0 })
    this.#rest(1)
  }

  /** Another one takes its place, later. */
  #endSession(): void {
    this.#lose()
    this.#world.feed({ type: 'close', session: this.session })
    this.#state = 'resting'
    this.session = ''
    this.#rest(1)
  }
}
