import { Ewma } from './ewma.ts'

/** Rounds on their way that are remembered; an answer to an older one is no measurement any more. */
const roundsMax = 64
/** The estimate of the loss remembers about so many rounds. */
const lossMemory = 128
/** Who misses more rounds in a row was away: that is no property of the link. */
const awayRounds = 16

/**
 * What the heartbeats to one peer and their answers tell of the way there and back: round trip, its deviation, loss. Costs
 * no message (Dynatune, arXiv 2507.15154). What is measured is what counts: the lag of both processes is part of it.
 */
export class LinkQuality {
  readonly #sentAt = new Map<number, number>()
  readonly #roundTrip = new Ewma()
  #loss = 0
  #answeredRound = 0
  #answeredAt = -Infinity

  /** The newest round that was answered; 0 = none. */
  get answeredRound(): number {
    return this.#answeredRound
  }

  /** When, by the clock that `answered` was told. */
  get answeredAt(): number {
    return this.#answeredAt
  }

  get samples(): number {
    return this.#roundTrip.samples
  }

  get roundTripMs(): number {
    return this.#roundTrip.mean
  }

  get deviationMs(): number {
    return this.#roundTrip.deviation
  }

  /** The part of rounds that remained without an answer while later ones were answered: both ways' loss together. */
  get loss(): number {
    return this.#loss
  }

  sent(round: number, now: number): void {
    // Sent again in the same round: an answer might be to either, so it measures nothing (Karn's rule).
    if (this.#sentAt.has(round)) this.#sentAt.set(round, NaN)
    else this.#sentAt.set(round, now)
    if (this.#sentAt.size <= roundsMax) return
    const [oldest] = this.#sentAt.keys()
    if (oldest !== undefined) this.#sentAt.delete(oldest)
  }

  answered(round: number, now: number): void {
    if (round <= this.#answeredRound) return
    const missed = this.#answeredRound === 0 ? 0 : round - this.#answeredRound - 1
    this.#answeredRound = round
    this.#answeredAt = now
    if (missed > awayRounds) this.#forget()
    else {
      for (let i = 0; i < missed; i++) this.#loss += (1 - this.#loss) / lossMemory
      this.#loss -= this.#loss / lossMemory
    }
    const sentAt = this.#sentAt.get(round)
    if (sentAt !== undefined && !Number.isNaN(sentAt)) this.#roundTrip.add(now - sentAt)
    for (const each of this.#sentAt.keys()) if (each <= round) this.#sentAt.delete(each)
  }

  #forget(): void {
    this.#roundTrip.reset()
    this.#loss = 0
  }
}

/**
 * So many heartbeats must fit a silence, for at least one of them to come through with probability 1 - `missed`, if each
 * is lost with probability `loss`, alone: loss^k <= missed.
 */
export function beatsNeeded(loss: number, missed: number, atLeast: number, atMost: number): number {
  if (!(loss > 0)) return atLeast
  if (loss >= 1) return atMost
  const beats = Math.ceil(Math.log(missed) / Math.log(loss))
  return Math.min(atMost, Math.max(atLeast, beats))
}
