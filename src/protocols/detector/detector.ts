/**
 * Failure detectors: from the signs of life of one peer to the silence that is suspicious. A suspicion is a hint: it may
 * start an election, and never ends anybody's lease (DESIGN §4.5). Which one when: docs/detection.md.
 *
 * A silence begins with the newest sign of life, by the watcher's own `clock.lower()`. Whoever watches lets one poll
 * phase pass before it believes in one, and adds its own lag (`local-health.ts`).
 */
export interface Detector {
  /** A sign of life was read at `now`. Several that were read at once are one. */
  heard(now: number): void
  /** The watcher itself did not run until `now`: the gap that ends here says nothing about the peer. */
  resumed(now: number): void
  /** Another peer, or another way of sending, is watched from now on: what was learned is void. */
  reset(): void
  /** A silence of so many ms is suspicious; always within the bounds. */
  readonly silenceMs: number
}

/** What no estimate gets out of. */
export interface SilenceBounds {
  /** Whatever was learned, no shorter silence is suspicious. */
  readonly leastMs: number
  /** Used while little is known, and never exceeded. */
  readonly mostMs: number
}

export function withinBounds(silenceMs: number, { leastMs, mostMs }: SilenceBounds): number {
  // A NaN would never be reached and so never suspect anybody.
  return silenceMs >= leastMs ? Math.min(silenceMs, mostMs) : Math.min(leastMs, mostMs)
}

/** Signs of life that were read together are told apart by nobody: a shorter gap is none, in ms. */
export const readTogetherMs = 1

/** The gaps between signs of life, as every estimating detector counts them. */
export class Gaps {
  #heardAt: number | null = null

  /** The gap that `now` ends; null if there is none to learn from. */
  endedBy(now: number): number | null {
    const before = this.#heardAt
    if (before !== null && now - before < readTogetherMs) return null
    this.#heardAt = now
    return before === null ? null : now - before
  }

  begin(now: number): void {
    this.#heardAt = now
  }

  reset(): void {
    this.#heardAt = null
  }
}
