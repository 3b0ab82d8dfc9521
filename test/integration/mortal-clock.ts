/** The clock of a process that a test kills although it is no process of its own. */
import type { Clock, Timer } from '../../src/seams/clock.ts'
import { systemClock } from '../../src/system/clock.ts'

export interface MortalClock extends Clock {
  /** Its process is dead: no timer of it fires any more. */
  stop(): void
  /** Timers that have neither fired nor been cancelled. */
  pending(): number
}

export function mortalClock(): MortalClock {
  const clock = systemClock()
  const pending = new Set<Timer>()
  let stopped = false
  const living = (arm: (fire: () => void) => Timer, fire: () => void): Timer => {
    if (stopped) return { cancel: () => undefined }
    const timer = arm(() => {
      pending.delete(timer)
      fire()
    })
    pending.add(timer)
    return {
      cancel: () => {
        pending.delete(timer)
        timer.cancel()
      },
    }
  }
  return {
    ...clock,
    setTimer: (delayMs, fire) => living((run) => clock.setTimer(delayMs, run), fire),
    afterPoll: (run) => living((fire) => clock.afterPoll(fire), run),
    pending: () => pending.size,
    stop: () => {
      stopped = true
      for (const timer of pending) timer.cancel()
    },
  }
}
