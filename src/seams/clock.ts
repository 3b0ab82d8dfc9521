/**
 * Time, as two kinds of people read it (DESIGN §2 "Clocks").
 *
 * A holder asks "how much may have passed since I sent this?" and must never be told too little: `upper`, `elapsedMs`.
 * Whoever waits on another (grantor, voter, standby) asks "how much has surely passed?" and must never be told too
 * much: `lower`, CLOCK_MONOTONIC only, never wall time.
 */

/** A holder's anchor, taken just before a request is sent. Readings of one process only; never put it on a wire. */
export interface Instant {
  /** CLOCK_MONOTONIC, in ms. Stands still while the machine is suspended. */
  readonly monotonicMs: number
  /** Wall clock, in ms since 1970. */
  readonly wallMs: number
  /** Time since boot, suspend included, in ms (10 ms steps on Linux). */
  readonly bootMs: number
}

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** The holder's reading: anchors all three clocks. Take one per request, not per check. */
  upper(): Instant
  /**
   * The most that may have passed since `since`, in ms; `Infinity` when a suspend or (by policy) a clock step was seen.
   * Reads two clocks, allocates nothing, about 90 ns.
   */
  elapsedMs(since: Instant): number
  /** The grantor's reading: monotonic ms. Only differences mean anything. */
  lower(): number
  /** Wall clock in ms since 1970: for logs and reports only. */
  wallMs(): number
  /** Calls `fire` once, not before `delayMs` by `lower()` (an implementation whose timers fire early re-arms). */
  setTimer(delayMs: number, fire: () => void): Timer
  /**
   * Calls `run` after one complete poll phase: every frame that had arrived is read first. After a stall timers fire
   * before queued packets are read, so whoever is about to accuse somebody yields here first.
   */
  afterPoll(run: () => void): Timer
}
