/** Whether a command that ended is started again under the same leadership, and after which pause. */
import type { RestartPolicy } from './settings.ts'

const firstPauseMs = 100
const longestPauseMs = 10_000
/** Who ran for so long did not fail at its start: the next pause is the first one again. */
const soundAfterMs = 10_000

export function startsAgain(policy: RestartPolicy, commandExitCode: number): boolean {
  switch (policy) {
    case 'always':
      return true
    case 'on-failure':
      return commandExitCode !== 0
    case 'never':
      return false
    default:
      return policy satisfies never
  }
}

/** Doubles from 100 ms to 10 s, so that a command that cannot work does not use up the machine. */
export class RestartPause {
  #nextMs = firstPauseMs

  /** `ranMs`: how long the command lived. */
  after(ranMs: number): number {
    if (ranMs >= soundAfterMs) this.#nextMs = firstPauseMs
    const pauseMs = this.#nextMs
    this.#nextMs = Math.min(longestPauseMs, pauseMs * 2)
    return pauseMs
  }
}
