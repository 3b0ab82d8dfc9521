/**
 * Since when the ensemble has surely heard of this session: what a deadline may be counted from.
 *
 * An acknowledged request does not prove it. A client talks to any server of the ensemble; a follower answers pings by
 * itself and tells the ZooKeeper leader, which alone expires sessions, only in its answer to the leader's own ping, once
 * every half tick (`LearnerHandler`, `Leader.PING`; `Learner.ping`). While the leader is paused, or cut off from that
 * follower, the follower goes on answering, and the leader goes on counting. Whoever believed those answers would lead
 * beside a successor for up to a session timeout.
 *
 * What is proven: follower and leader talk over one ordered stream in each direction, and `sync` goes to the leader and
 * back. Let a message be acknowledged at `a`, so that the follower has noted the touch. A `sync` sent half a tick after
 * `a` is answered after the leader's next ping has passed the follower, whose answer carries the touch; a second `sync`,
 * sent after that, reaches the leader behind that answer. When the second one is acknowledged, the leader has counted
 * anew since the first message was sent, or later.
 *
 * On a standalone server, and on the leader itself, one acknowledgement would do; a client cannot know where it is.
 *
 * None of that says that the leader still is one: cut off from the others it answers `sync` by itself until it notices,
 * a tick or more after they have begun to elect another, who counts from then. So some beats are writes (of nothing),
 * which a majority must take: a successor comes after that, and counts from no earlier than when such a write was sent.
 */

interface Beat<Sent> {
  readonly sentAt: Sent
  readonly sentMs: number
  /** A write. */
  readonly commits: boolean
  ackedMs: number | undefined
  /** The first beat that was sent late enough behind this one's acknowledgement: its answer follows a leader's ping. */
  second: Beat<Sent> | undefined
}

/** Beats that are remembered at most; older ones can prove nothing that newer ones do not. */
const BEATS_MAX = 256

export class TouchProof<Sent> {
  /** How long after an acknowledgement the leader has surely pinged the follower, in ms. */
  readonly #pingGapMs: number
  #beats: Beat<Sent>[] = []
  /** Sent and not acknowledged; the server answers in order. */
  #open: Beat<Sent>[] = []
  /** When the newest write was sent that a majority took. */
  #committedMs = -Infinity

  constructor(pingGapMs: number) {
    this.#pingGapMs = pingGapMs
  }

  sent(sentAt: Sent, nowMs: number, commits = true): void {
    const beat: Beat<Sent> = { sentAt, sentMs: nowMs, commits, ackedMs: undefined, second: undefined }
    for (const each of this.#beats) {
      if (each.second === undefined && each.ackedMs !== undefined && nowMs >= each.ackedMs + this.#pingGapMs)
        each.second = beat
    }
    this.#beats.push(beat)
    this.#open.push(beat)
    if (this.#beats.length > BEATS_MAX) this.#beats.shift()
  }

  /** The oldest open beat was answered, well or not. Gives the newest instant that is proven by that. */
  acknowledged(nowMs: number, isGood = true): Sent | undefined {
    const beat = this.#open.shift()
    if (beat === undefined) return undefined
    beat.ackedMs = nowMs
    if (beat.commits && isGood) this.#committedMs = beat.sentMs
    const proven = this.#beats.findLast(
      ({ second, sentMs }) =>
        second?.ackedMs !== undefined &&
        beat.sentMs >= second.ackedMs &&
        beat !== second &&
        sentMs <= this.#committedMs,
    )
    if (proven === undefined) return undefined
    this.#beats = this.#beats.slice(this.#beats.indexOf(proven) + 1)
    return proven.sentAt
  }

  /** The connection is gone: no chain reaches across two of them. */
  reset(): void {
    this.#beats = []
    this.#open = []
    this.#committedMs = -Infinity
  }
}

export interface BeatTiming {
  /** Between two beats, in ms. */
  readonly beatMs: number
  readonly pingGapMs: number
  /** Without an answer for so long a connection is given up, in ms. */
  readonly silenceMs: number
}

/**
 * A sixteenth of the timeout between two beats: the proof then lags by under half of the timeout behind the last answer,
 * and the rest is left to find another server in. The gap has a beat to spare for a leader that pings late.
 *
 * @param tickMs the servers' tickTime; ZooKeeper's smallest session is two ticks unless configured otherwise
 */
export function beatTiming(timeoutMs: number, tickMs: number = timeoutMs / 2): BeatTiming {
  const beatMs = timeoutMs / 16
  return { beatMs, pingGapMs: tickMs / 2 + beatMs, silenceMs: timeoutMs / 3 }
}

/** What is left of a deadline just before the next renewal, while every answer comes at once, in ms. */
export function leastRemainingMs(timeoutMs: number, tickMs?: number): number {
  const { beatMs, pingGapMs } = beatTiming(timeoutMs, tickMs)
  // The first beat behind the gap, the one after it, and the one whose answer is the next renewal.
  return timeoutMs - (Math.floor(pingGapMs / beatMs) + 3) * beatMs
}
