/** Plans written by hand for the simulated world: who stands when, and what is done to whom. */
import { timingPresets } from '../../../lease/timing.ts'
import type { HistoryEvent } from '../../history.ts'
import type { Action, Plan, PlacePlan, ProcessPlan } from '../../plan.ts'
import { perfectRoute } from '../../route.ts'
import { runPlan } from '../../run.ts'
import { Broken } from '../schedule.ts'

export interface StagedPlan {
  /** @default raft */
  readonly protocol?: Plan['protocol']
  readonly peers: number
  readonly simulatedMs: number
  readonly actions: readonly Action[]
  /** When each peer begins to campaign, in ms; null: never. @default the first at 0, the others at 2000 */
  readonly standsAtMs?: readonly (number | null)[]
  /** @default campaign */
  readonly campaigns?: PlacePlan['campaigns']
  readonly processes?: (plan: ProcessPlan) => ProcessPlan
}

/** Names as in the drawn plans. */
export function peersOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `p${index + 1}`)
}

/** Both ways between `one` and each of `others`. */
export function between(one: string, others: readonly string[]): (readonly [string, string])[] {
  return others.flatMap((other) => [[one, other] as const, [other, one] as const])
}

/** What happened. @throws Broken for whatever a checker sees */
export async function play(staged: StagedPlan): Promise<readonly HistoryEvent[]> {
  const events: HistoryEvent[] = []
  const { violations } = await runPlan(planOf(staged), { record: (event) => events.push(event) })
  const [violation] = violations
  if (violation !== undefined) throw new Broken(`${violation.invariant}: ${violation.message}`)
  return events
}

function planOf({
  protocol = 'raft',
  peers,
  simulatedMs,
  actions,
  standsAtMs,
  campaigns = 'campaign',
  processes,
}: StagedPlan): Plan {
  const names = peersOf(peers)
  const starts = standsAtMs ?? names.map((_, index) => (index === 0 ? 0 : 2_000))
  const stands = names.flatMap((_, place): Action[] => {
    const at = starts[place] ?? null
    return at === null ? [] : [{ at, type: campaigns === 'lead' ? 'lead' : 'campaign', place }]
  })
  return {
    seed: 'staged',
    protocol,
    mode: 'safety',
    faults: [],
    simulatedMs,
    healAtMs: simulatedMs,
    core: names,
    processes: names.map((name) => {
      const plan: ProcessPlan = {
        name,
        isPeer: true,
        clockRate: 1,
        clockTickMs: 0,
        wallOffsetMs: 0,
        onClockStep: 'lose',
        timerLateMs: 0,
        tuning: 'fixed',
        writeMs: [0.2, 0.4],
        startsAtMs: 0,
      }
      return processes?.(plan) ?? plan
    }),
    timing: timingPresets.default,
    tokenBase: 0n,
    logBytesMax: 2 ** 28,
    quality: perfectRoute,
    encoded: false,
    places: names.map((process) => ({
      process,
      candidate: process,
      election: 'e',
      exclusivity: 'time',
      priority: 0,
      // They stand when they are told to, once.
      campaigns: null,
      holdsMs: null,
      restsMs: [10, 20],
      worksMs: 20,
      observes: false,
      ails: false,
    })),
    actions: [...actions, ...stands.map((action) => ({ ...action, at: action.at + 1_500 }))].toSorted(
      (left, right) => left.at - right.at,
    ),
  }
}
