import type { Timing } from '../lease/timing.ts'
import type { Stream } from './streams.ts'

/** Inside the drift that is configured, at its ends more often than not. */
export function drawRate({ maxClockDrift }: Timing, chance: Stream): number {
  const part = chance.pick([-1, 1, chance.between(-1, 1)])
  return 1 + 0.999 * part * maxClockDrift
}
