/** Plays the schedule of faults on processes of this machine. */
import type { Contender } from '../../compare/contenders.ts'
import type { ComparedMode, ComparedRow } from '../../compare/row.ts'
import { playSchedule } from '../../compare/schedule.ts'
import type { ScheduleOptions } from '../../compare/simulated-row.ts'
import { isMandateError } from '../../errors.ts'
import { resolveTiming } from '../../lease/timing.ts'
import { ProcessCluster } from './process-cluster.ts'

/** Short, as these are real seconds. */
const RESTS = { before: 0.2, afterReturn: 4 } as const
const portTriesMax = 5

/** @throws TIMEOUT, INTERNAL; the reason of `stop` */
export async function processRow(
  contender: Contender,
  exclusivity: ComparedMode,
  schedule: ScheduleOptions,
  stop: AbortSignal,
): Promise<ComparedRow> {
  const { peers, seed, trials } = schedule
  const timing = resolveTiming(schedule.timing)
  const cluster = await opened(
    () => new ProcessCluster({ contender, exclusivity, peers, timing, seed, stop, restarts: 2 * trials }),
  )
  try {
    const measured = await playSchedule(cluster, schedule, RESTS)
    const overlaps = cluster.overlapsMs()
    return {
      ...{ engine: contender.name, quorum: contender.quorum, exclusivity },
      environment: 'processes',
      ...{ peers, timing, ...measured },
      twoBelieversMs: {
        total: overlaps.reduce((all, ms) => all + ms, 0),
        max: Math.max(0, ...overlaps),
      },
    }
  } finally {
    await cluster.close()
  }
}

/** Ports may be taken between being found free and being listened on: then others are tried. */
async function opened(create: () => ProcessCluster): Promise<ProcessCluster> {
  for (let tries = 1; ; tries++) {
    const cluster = create()
    try {
      await cluster.open()
      return cluster
    } catch (error) {
      await cluster.close()
      if (!isMandateError(error, 'ADDRESS_IN_USE') || tries >= portTriesMax) throw error
    }
  }
}
