import { NamedTimers } from '../../cluster/timers.ts'
import type { Clock, Timer } from '../../seams/clock.ts'
import { expect, type Schedule } from './schedule.ts'

/**
 * One turn of Node's event loop after a stall: the timers that are due, then the frames that wait in the sockets, then
 * what asked for a poll phase (algorithms survey item 37).
 */
export const stalledLoop: Schedule = {
  name: 'stalled-loop',
  claim: 'After a stall nobody is accused before the frames that wait in the sockets are read',
  run() {
    const loop = new Loop()
    const timers = new NamedTimers(loop)
    let accused = 0
    timers.setAccusation('election', 10, () => (accused += 1))
    loop.turn(() => timers.cancel('election'))
    expect(accused === 0, 'the timer accuses although a heartbeat was waiting to be read')
    timers.setAccusation('election', 10, () => (accused += 1))
    loop.turn(() => undefined)
    expect(accused === 1, 'the timer accuses nobody although nothing was waiting')
  },
}

class Loop implements Clock {
  #timers: (() => void)[] = []
  #polls: (() => void)[] = []
  #now = 0

  /** Everything is due: the process did not run for long. */
  turn(readFrames: () => void): void {
    this.#now += 1_000
    for (const fire of this.#timers.splice(0)) fire()
    readFrames()
    for (const run of this.#polls.splice(0)) run()
  }

  setTimer(_delayMs: number, fire: () => void): Timer {
    this.#timers.push(fire)
    return { cancel: () => (this.#timers = this.#timers.filter((one) => one !== fire)) }
  }

  afterPoll(run: () => void): Timer {
    this.#polls.push(run)
    return { cancel: () => (this.#polls = this.#polls.filter((one) => one !== run)) }
  }

  upper(): { monotonicMs: number; wallMs: number; bootMs: number } {
    return { monotonicMs: 0, wallMs: 0, bootMs: 0 }
  }

  elapsedMs(): number {
    return 0
  }

  lower(): number {
    return this.#now
  }

  wallMs(): number {
    return 0
  }
}
