import { uptime } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { Clock, Timer } from '../seams/clock.ts'
import { anchors, elapsedSince } from './elapsed.ts'
import type { ClockReadings, ClockStepPolicy } from './elapsed.ts'

/** What the clock takes from Node; another one can be passed for tests. */
export interface SystemTime extends ClockReadings {
  /** May fire early; at most `maxTimeoutMs` at a time. */
  setTimeout(fire: () => void, delayMs: number): unknown
  clearTimeout(handle: unknown): void
  /** Calls `run` in the next check phase of the event loop. */
  setImmediate(run: () => void): unknown
  clearImmediate(handle: unknown): void
}

export interface SystemClockOptions {
  /**
   * What a forward step of the wall clock does to a leadership. `ignore` trusts the monotonic clock alone unless boot
   * time proves a suspend. On macOS boot time is derived from the wall clock, so there a step always loses.
   * @default 'lose'
   */
  readonly onClockStep?: ClockStepPolicy
  readonly time?: SystemTime
}

/** setTimeout takes a longer delay for 1 ms. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * The clocks and timers of this machine (DESIGN §2 "Clocks").
 *
 * Bounds a suspend only as far as the operating system tells of it: a virtual machine that is paused and whose clocks
 * all stand still learns of it from nobody. Only the fencing token protects then.
 */
export function systemClock(options: SystemClockOptions = {}): Clock {
  const { onClockStep = 'lose', time = nodeTime } = options
  return {
    upper: anchors(time),
    elapsedMs: (since) => elapsedSince(time, since, onClockStep),
    lower: () => time.monotonicMs(),
    wallMs: () => time.wallMs(),
    setTimer: (delayMs, fire) => setTimer(time, delayMs, fire),
    afterPoll: (run) => afterPoll(time, run),
  }
}

const nodeTime: SystemTime = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  bootMs: () => uptime() * 1000,
  setTimeout: (fire, delayMs) => setTimeout(fire, delayMs),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
  setImmediate: (run) => setImmediate(run),
  clearImmediate: (handle) => clearImmediate(handle as NodeJS.Immediate),
}

/**
 * Node rounds delays to whole ms and measures them from a time cached at the start of the loop's turn, so a timer may
 * fire early; it then waits for the rest.
 */
function setTimer(time: SystemTime, delayMs: number, fire: () => void): Timer {
  if (Number.isNaN(delayMs)) throw new RangeError('setTimer: the delay is NaN')
  const dueMs = time.monotonicMs() + delayMs
  let handle: unknown
  const arm = (): void => {
    const leftMs = Math.ceil(dueMs - time.monotonicMs())
    handle = time.setTimeout(check, Math.min(Math.max(leftMs, 0), MAX_TIMEOUT_MS))
  }
  const check = (): void => {
    if (time.monotonicMs() < dueMs) arm()
    else fire()
  }
  arm()
  return { cancel: () => time.clearTimeout(handle) }
}

/**
 * Two check phases later. The loop's turn is poll, check, timers: from a timer the next check phase already follows a
 * complete poll phase, but from an I/O callback it ends the very poll phase that is under way, whose events were
 * fetched before that callback ran; only the second one follows a fresh poll. The caller need not know its phase.
 */
function afterPoll(time: SystemTime, run: () => void): Timer {
  let handle = time.setImmediate(() => {
    handle = time.setImmediate(run)
  })
  return { cancel: () => time.clearImmediate(handle) }
}
