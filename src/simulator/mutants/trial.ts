/**
 * One program on trial, in a process of its own: first the scripted schedules, then one seed after the other, until
 * something sees a violation. Started by `trials.ts` from the copy that it is to judge; speaks JSON lines on stdout.
 */
import { writeSync } from 'node:fs'
import { schedules } from '../schedules/index.ts'
import { playSeed } from './seeds.ts'

export interface TrialOrder {
  readonly schedules: boolean
  readonly firstSeed: number
  readonly seeds: number
}

export type TrialNews =
  /** `schedule:NAME`, or the seed in decimal, begins. */
  | { readonly type: 'begins'; readonly what: string }
  | { readonly type: 'caught'; readonly what: string; readonly invariant: string; readonly message: string }
  | { readonly type: 'passed' }

let now = 'start'

function tell(news: TrialNews): void {
  writeSync(1, `${JSON.stringify(news)}\n`)
}

function caught(invariant: string, error: unknown): never {
  const message = error instanceof Error ? error.message : String(error)
  tell({ type: 'caught', what: now, invariant, message: message.slice(0, 2_000) })
  process.exit(0)
}

async function judge({ schedules: scripted, firstSeed, seeds }: TrialOrder): Promise<void> {
  if (scripted) {
    for (const schedule of schedules) {
      now = `schedule:${schedule.name}`
      tell({ type: 'begins', what: now })
      try {
        await schedule.run()
      } catch (error) {
        caught(schedule.claim, error)
      }
    }
  }
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    now = String(seed)
    tell({ type: 'begins', what: now })
    const violation = await playSeed(seed)
    if (violation !== null) caught(violation.invariant, violation.message)
  }
  tell({ type: 'passed' })
  process.exit(0)
}

process.on('unhandledRejection', (error) => caught('no promise is rejected unheard', error))
process.on('uncaughtException', (error) => caught('nothing throws where nobody catches', error))

await judge(JSON.parse(process.argv[2] ?? '') as TrialOrder)
