import type { Instant } from '../seams/clock.ts'

/** The three clocks of one machine, in ms. */
export interface ClockReadings {
  /** CLOCK_MONOTONIC: stands still while the machine is suspended. */
  monotonicMs(): number
  /** Wall clock: jumps when it is set. */
  wallMs(): number
  /** Time since boot, suspend included; costs 50 times as much as the other two. */
  bootMs(): number
}

/**
 * What a holder believes when the wall clock jumped ahead while the machine did not sleep. `lose`: the deadline may
 * have passed (a virtual machine that was paused and resumed can look just like this). `ignore`: only the monotonic
 * clock counts; for machines whose wall clock is set by hand or by a restless time service. A pause of less than 50 ms
 * that stopped the monotonic clock is then not counted.
 */
export type ClockStepPolicy = 'lose' | 'ignore'

/** The wall clock may run this far apart from the monotonic one before anybody looks closer. */
const WALL_APART_MS = 50

/** Boot time moves in steps of this length on Linux. */
const BOOT_STEP_MS = 10

/** Two readings of boot time are off by a step each, and they are not atomic. */
const BOOT_SLACK_MS = 25

/** The reads of one anchor must lie this close together, or the process was preempted between them. */
const ANCHOR_SPREAD_MS = 5
const ANCHOR_TRIES = 3

/**
 * Anchors that read boot time, which opens a file, only when it may say something new. A suspend lets the wall clock
 * run ahead of the monotonic one; while the two keep their distance there was none, and boot time is as far from the
 * monotonic clock as when it was read last. Should that be wrong, because a backward step hid a suspend, the anchor's
 * boot time is too low, and `elapsedSince` can only see too much. A preemption between the two reads changes their
 * distance as well, and the anchor is taken with care.
 */
export function anchors(read: ClockReadings): () => Instant {
  let last: Instant | undefined
  return () => {
    if (last !== undefined) {
      const wallMs = read.wallMs()
      const monotonicMs = read.monotonicMs()
      const passedMs = monotonicMs - last.monotonicMs
      if (Math.abs(wallMs - last.wallMs - passedMs) <= ANCHOR_SPREAD_MS) {
        return { monotonicMs, wallMs, bootMs: last.bootMs + passedMs }
      }
    }
    return (last = anchor(read))
  }
}

/**
 * Anchors the three clocks, monotonic last: a suspend that falls between the reads is then seen by `elapsedMs`,
 * never hidden. A preemption between them would be mistaken for a suspend, so the anchor is taken again.
 */
export function anchor(read: ClockReadings): Instant {
  for (let attempt = 1; ; attempt++) {
    const startMs = read.monotonicMs()
    const bootMs = read.bootMs()
    const wallMs = read.wallMs()
    const monotonicMs = read.monotonicMs()
    if (monotonicMs - startMs <= ANCHOR_SPREAD_MS || attempt === ANCHOR_TRIES) {
      return { monotonicMs, wallMs, bootMs }
    }
  }
}

/**
 * The most that may have passed since `since`, in ms (DESIGN §2 "Clocks").
 *
 * The monotonic clock stands still in a suspend, the wall clock jumps when it is set, so neither is enough alone; the
 * larger of the two is taken while they agree to 50 ms. A backward step of the wall clock costs a step of boot time, which
 * is all that tells of a suspend then. Not seen: a suspend that coincides with a backward step of about the same length.
 */
export function elapsedSince(read: ClockReadings, since: Instant, onClockStep: ClockStepPolicy): number {
  // Wall first: a preemption between the two reads makes the monotonic clock look ahead, which is harmless.
  const wallMs = read.wallMs() - since.wallMs
  const monotonicMs = read.monotonicMs() - since.monotonicMs
  const aheadMs = wallMs - monotonicMs
  if (aheadMs > WALL_APART_MS) return elapsedAfterJump(read, since, onClockStep)
  // Behind as well: a step back may be larger than the sleep that it would hide. Or this was a preemption: no jump at all.
  if (aheadMs < -WALL_APART_MS) return elapsedAfterStepBack(read, since, onClockStep)
  if (onClockStep === 'ignore') return monotonicMs
  return wallMs > monotonicMs ? wallMs : monotonicMs
}

function elapsedAfterJump(read: ClockReadings, since: Instant, onStepAhead: ClockStepPolicy): number {
  const bootMs = read.bootMs() - since.bootMs
  const monotonicMs = read.monotonicMs() - since.monotonicMs
  const slept = bootMs - monotonicMs > BOOT_SLACK_MS
  if (slept || onStepAhead === 'lose') return Number.POSITIVE_INFINITY
  return monotonicMs
}

/** The wall clock says nothing any more, and of a suspend that is shorter than the slack only boot time can. */
function elapsedAfterStepBack(read: ClockReadings, since: Instant, onClockStep: ClockStepPolicy): number {
  const monotonicMs = elapsedAfterJump(read, since, 'ignore')
  if (onClockStep === 'ignore') return monotonicMs
  return Math.max(monotonicMs, read.bootMs() - since.bootMs + BOOT_STEP_MS)
}
