/**
 * Which jumps of a machine's clocks a holder can tell apart. Documented as not seen (`system/elapsed.ts`): a sleep that
 * coincides with a backward step of about its length, because the wall clock then shows what the monotonic one does.
 * What nobody claims to survive is not simulated.
 */
interface Jump {
  readonly at: number
  /** By how much the wall clock got ahead of the monotonic one. */
  readonly ms: number
  readonly isSleep: boolean
}

/** Within it two jumps may cancel out: the 50 ms of `elapsed.ts`, and something for its slack. */
const ABOUT_MS = 80

export class ClockJumps {
  /** Older jumps lie before every renewal that is still worth something. */
  readonly #windowMs: number
  #jumps: Jump[] = []

  constructor(windowMs: number) {
    this.#windowMs = windowMs
  }

  /** False: it would hide a sleep, or be hidden. Otherwise it is remembered. */
  admits(jump: Jump): boolean {
    this.#jumps = this.#jumps.filter(({ at }) => jump.at - at < this.#windowMs)
    if (this.#hides(jump)) return false
    this.#jumps.push(jump)
    return true
  }

  #hides(jump: Jump): boolean {
    let sum = jump.ms
    let slept = jump.isSleep
    let back = jump.ms < 0
    for (const earlier of this.#jumps.toReversed()) {
      sum += earlier.ms
      slept ||= earlier.isSleep
      back ||= earlier.ms < 0
      // While it sleeps the sum passes through everything on its way.
      const before = jump.isSleep ? sum - jump.ms : sum
      if (slept && back && Math.min(before, sum) <= ABOUT_MS && Math.max(before, sum) >= -ABOUT_MS)
        return true
    }
    return false
  }
}
