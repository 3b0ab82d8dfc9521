/** Plays the schedule of faults on virtual time. */
import type { TimingInput } from '../lease/timing.ts'
import type { Contender } from './contenders.ts'
import type { ComparedMode, ComparedRow } from './row.ts'
import { playSchedule, type Pace } from './schedule.ts'
import { SimulatedCluster } from './simulated-cluster.ts'

export interface ScheduleOptions extends Pace {
  readonly peers: number
  readonly timing: TimingInput
  readonly seed: number
}

/** A network within one data centre, and a disk that is a solid one. */
const DELAY_MS = [0.1, 0.5] as const
const WRITE_MS = 0.5
const RESTS = { before: 2, afterReturn: 4 } as const

/** The same seed gives the same row. */
export function simulatedRow(
  contender: Contender,
  exclusivity: ComparedMode,
  options: ScheduleOptions,
): Promise<ComparedRow> {
  return contender.play(async (engine) => {
    const { peers, timing, seed } = options
    const cluster = new SimulatedCluster(engine, {
      ...{ peers, timing, exclusivity, seed },
      ...{ delayMs: DELAY_MS, writeMs: WRITE_MS },
    })
    try {
      await cluster.start(...cluster.ids)
      const measured = await playSchedule(cluster, options, RESTS)
      return {
        ...{ engine: contender.name, quorum: contender.quorum, exclusivity },
        environment: 'simulator' as const,
        ...{ peers, timing: cluster.timing, ...measured },
        twoBelieversMs: {
          total: cluster.overlapsMs.reduce((all, ms) => all + ms, 0),
          max: Math.max(0, ...cluster.overlapsMs),
        },
      }
    } finally {
      await cluster.close()
    }
  })
}
