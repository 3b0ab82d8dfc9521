/**
 * How often a Raft leader beats, and which silence it tells each follower to find suspicious, from what its heartbeats
 * measured (Dynatune, arXiv 2507.15154): the silence from round trip and deviation, the interval from the loss, so that
 * enough beats fit a silence.
 *
 * Told silences are promises: a follower that was told a short one relies on the interval that belongs to it. So the
 * leader beats faster at once, and slower only when every follower that answers is known to have heard of the longer
 * silence. Nothing here is needed for safety; a wrong figure costs an election that nobody needed (docs/detection.md).
 */
import type { PeerId } from '../quorum/types.ts'
import { beatsNeeded, LinkQuality } from './link-quality.ts'

export interface PulseOptions {
  readonly followers: readonly PeerId[]
  /** The interval without tuning; a tuned one is a whole part of it, so that whatever rides on every ordinary beat still does. */
  readonly beatMs: number
  /** Nobody is told a shorter silence. */
  readonly leastSilenceMs: number
  /** The silence without tuning: what would not be shorter is not told. */
  readonly mostSilenceMs: number
}

/** What a follower is told: the next heartbeat comes within `intervalMs`, and a silence of `silenceMs` is suspicious. */
export interface PulsePromise {
  readonly intervalMs: number
  readonly silenceMs: number
}

export interface Pulse {
  /** Until the next heartbeat. */
  readonly intervalMs: number
  /** By follower; who is not in it keeps to its own timeouts. */
  readonly promises: ReadonlyMap<PeerId, PulsePromise>
}

/** Round trips measured before a follower is told anything. */
const minSamples = 10
/** Deviations above the mean round trip, as TCP's retransmission timer. */
const deviations = 4
/** That all beats of a silence are lost by chance may happen this often. */
const missed = 1e-6
/** However good the link: one beat may be late and one more lost. */
const leastBeats = 3
const mostBeats = 10
/** The interval is no shorter than this part of the ordinary one: what it costs is bounded, too. */
const mostParts = 8

export class PulseTuner {
  readonly #options: PulseOptions
  readonly #links: ReadonlyMap<PeerId, LinkQuality>
  /** Beats now in an ordinary interval. */
  #parts = 1
  /** Slower, as soon as this round, and with it the longer silence, is known to be heard. */
  #slowing: { readonly parts: number; readonly round: number } | null = null

  constructor(options: PulseOptions) {
    this.#options = options
    this.#links = new Map(options.followers.map((peer) => [peer, new LinkQuality()]))
  }

  sent(peer: PeerId, round: number, now: number): void {
    this.#links.get(peer)?.sent(round, now)
  }

  answered(peer: PeerId, round: number, now: number): void {
    this.#links.get(peer)?.answered(round, now)
  }

  /** Before each broadcast. `lagMs`: how late this process has been lately (`LocalHealth.marginMs`). */
  next(round: number, now: number, lagMs: number): Pulse {
    const wanted = this.#wantedParts(now, lagMs)
    this.#adopt(wanted, round, now)
    // While slowing down, what is told fits the slower beat already.
    const told = this.#slowing?.parts ?? this.#parts
    const promises = new Map<PeerId, PulsePromise>()
    for (const [peer, link] of this.#links) {
      const silenceMs = this.#silenceMs(link, told, now, lagMs)
      if (silenceMs !== null) promises.set(peer, { intervalMs: this.#interval(told), silenceMs })
    }
    return { intervalMs: this.#interval(this.#parts), promises }
  }

  #wantedParts(now: number, lagMs: number): number {
    let parts = 1
    for (const link of this.#links.values()) {
      if (!this.#isKnown(link, now)) continue
      const shortestMs = this.#basisMs(link) / beatsOf(link)
      const wanted = Math.min(mostParts, Math.max(1, Math.ceil(this.#options.beatMs / shortestMs)))
      // Beating faster for a follower that would not be told anything is of no use.
      if (wanted > parts && this.#silenceMs(link, wanted, now, lagMs) !== null) parts = wanted
    }
    return parts
  }

  #adopt(wanted: number, round: number, now: number): void {
    if (wanted >= this.#parts) {
      this.#parts = wanted
      this.#slowing = null
      return
    }
    if (this.#slowing === null || wanted < this.#slowing.parts) this.#slowing = { parts: wanted, round }
    else if (wanted > this.#slowing.parts) this.#slowing = { ...this.#slowing, parts: wanted }
    if (!this.#isHeard(this.#slowing.round, now)) return
    this.#parts = this.#slowing.parts
    this.#slowing = null
  }

  /** Who was silent for the longest silence anybody finds suspicious relies on nothing any more. */
  #isHeard(round: number, now: number): boolean {
    for (const link of this.#links.values()) {
      if (now - link.answeredAt <= this.#options.mostSilenceMs && link.answeredRound < round) return false
    }
    return true
  }

  #isKnown(link: LinkQuality, now: number): boolean {
    return link.samples >= minSamples && now - link.answeredAt <= this.#options.mostSilenceMs
  }

  /** Dynatune's election timeout, with a floor: on a LAN the processes are slower than the network. */
  #basisMs({ roundTripMs, deviationMs }: LinkQuality): number {
    return Math.max(this.#options.leastSilenceMs, roundTripMs + deviations * deviationMs)
  }

  /** Null: not shorter than without tuning, or too little is known. */
  #silenceMs(link: LinkQuality, parts: number, now: number, lagMs: number): number | null {
    if (!this.#isKnown(link, now)) return null
    const beatsMs = beatsOf(link) * this.#interval(parts) + deviations * link.deviationMs
    const silenceMs = Math.max(this.#basisMs(link), beatsMs) + lagMs
    return silenceMs < this.#options.mostSilenceMs ? silenceMs : null
  }

  #interval(parts: number): number {
    return this.#options.beatMs / parts
  }
}

function beatsOf(link: LinkQuality): number {
  return beatsNeeded(link.loss, missed, leastBeats, mostBeats)
}
