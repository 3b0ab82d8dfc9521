import type {
  CandidacyEvents,
  CandidacyRequest,
  LeaseTiming,
  LossReason,
  OperatorWish,
  Renewal,
} from '../../backends/backend.ts'
import type { Clock } from '../../seams/clock.ts'

export interface Grant {
  readonly token: bigint
  readonly renewal: Renewal
}

export interface End {
  readonly reason: LossReason
  readonly cause?: unknown
}

type Phase = 'entering' | 'waiting' | 'holding' | 'ended'

/**
 * Writes down what a candidacy was told, and every breach of the order in which it may be told
 * (`CandidacyEvents`). A breach is kept, not thrown: an exception would land in the backend that is being judged.
 */
export class CandidacyLog implements CandidacyEvents {
  readonly label: string
  readonly request: CandidacyRequest
  readonly breaches: string[] = []
  readonly ahead: (number | undefined)[] = []
  grant: Grant | undefined
  /** The newest renewal, the grant's own included. */
  renewal: Renewal | undefined
  renewals = 0
  end: End | undefined
  /** What operators asked, in order; the same may come more than once. */
  readonly wishes: (string | null)[] = []
  /** Set by whoever calls `leave`: from then on its process no longer acts as leader. */
  gaveUp = false
  /** Set by whoever closes its session or its process, which then no longer acts as leader either. */
  closing = false
  readonly #clock: Clock
  readonly #timing: LeaseTiming
  readonly #onGrant: (log: CandidacyLog) => void
  #phase: Phase = 'entering'
  #left = false

  constructor(
    label: string,
    request: CandidacyRequest,
    clock: Clock,
    timing: LeaseTiming,
    onGrant: (log: CandidacyLog) => void,
  ) {
    this.label = label
    this.request = request
    this.#clock = clock
    this.#timing = timing
    this.#onGrant = onGrant
  }

  /** `enter` has returned: events may come. */
  entered(): void {
    if (this.#phase === 'entering') this.#phase = 'waiting'
  }

  /** `leave` has resolved: nothing may come any more. */
  left(): void {
    this.#left = true
  }

  /** Told that it won, and of no end. */
  get holds(): boolean {
    return this.#phase === 'holding' && !this.#left
  }

  /** Whether its holder, counting as `lease/` does, would say at this instant that it leads. */
  believes(): boolean {
    if (this.renewal === undefined || this.end !== undefined || this.gaveUp || this.closing) return false
    const { maxClockDrift, tickMs } = this.#timing
    const certainMs = this.renewal.grantedMs * (1 - maxClockDrift) - tickMs
    return this.#clock.elapsedMs(this.renewal.sentAt) < certainMs
  }

  waiting(ahead: number | undefined): void {
    this.#check('waiting')
    if (this.#phase === 'holding') this.#breach('told to wait after it had won')
    if (ahead !== undefined && !(Number.isInteger(ahead) && ahead >= 0)) {
      this.#breach(`waiting(${ahead}): not a count`)
    }
    this.ahead.push(ahead)
  }

  won(grant: Grant): void {
    this.#check('won')
    if (this.#phase === 'holding') {
      this.#breach(`won twice: token ${this.grant?.token}, then ${grant.token}`)
      return
    }
    if (this.gaveUp) this.#breach(`won (token ${grant.token}) after leave() was called`)
    if (this.#clock.elapsedMs(grant.renewal.sentAt) >= grant.renewal.grantedMs) {
      this.#breach(`won (token ${grant.token}) with a renewal that had run out`)
    }
    if (this.#phase !== 'ended') this.#phase = 'holding'
    this.#onGrant(this)
    this.grant = grant
    this.renewal = grant.renewal
  }

  renewed(renewal: Renewal): void {
    this.#check('renewed')
    if (this.#phase === 'waiting') this.#breach('renewed before it had won')
    const now = this.#clock.upper().monotonicMs
    if (renewal.sentAt.monotonicMs > now) this.#breach('a renewal was sent in the future')
    if (this.renewal !== undefined && expiryOf(renewal) < expiryOf(this.renewal)) {
      this.#breach(`a renewal went back by ${expiryOf(this.renewal) - expiryOf(renewal)} ms`)
    }
    this.renewal = renewal
    this.renewals += 1
  }

  asked({ to }: OperatorWish): void {
    this.#check('asked')
    if (this.#phase === 'waiting') this.#breach('asked to give up before it had won')
    this.wishes.push(to)
  }

  ended(end: End): void {
    this.#check(`ended(${end.reason})`)
    this.#phase = 'ended'
    this.end ??= end
  }

  #check(event: string): void {
    if (this.#phase === 'entering') this.#breach(`${event} from inside enter()`)
    if (this.#phase === 'ended') this.#breach(`${event} after ended(${this.end?.reason})`)
    if (this.#left) this.#breach(`${event} after leave() had resolved`)
  }

  #breach(what: string): void {
    this.breaches.push(`${this.label}: ${what}`)
  }
}

const expiryOf = (renewal: Renewal): number => renewal.sentAt.monotonicMs + renewal.grantedMs
