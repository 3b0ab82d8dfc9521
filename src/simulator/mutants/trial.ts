/**
 * One program on trial, in a process of its own: first the scripted schedules, then one seed after the other, until
 * something sees a violation. Started by `trials.ts` from the copy that it is to judge; speaks JSON lines on stdout.
 */
import { writeSync } from 'node:fs'
import { schedules } from '../schedules/index.ts'
import { playSeed, type SeedWorld } from './seeds.ts'

export interface TrialOrder {
  /** `none`; `first`: what a schedule sees ends the trial; `also`: the seeds are asked all the same. */
  readonly schedules: 'none' | 'first' | 'also'
  /** Whose world the seeds play. @default 'raft' */
  readonly world?: SeedWorld
  readonly firstSeed: number
  readonly seeds: number
  /** What the program without a bug fails too says nothing about a bug. */
  readonly except: readonly number[]
  /** Go on after a seed that saw something. */
  readonly all?: boolean
}

export type TrialNews =
  /** A schedule or a seed begins. */
  | { readonly type: 'begins'; readonly what: string; readonly isSeed: boolean }
  /** What began last saw a violation. */
  | { readonly type: 'caught'; readonly invariant: string; readonly message: string }
  | { readonly type: 'over' }

function tell(news: TrialNews): void {
  writeSync(1, `${JSON.stringify(news)}\n`)
}

function caught(invariant: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  tell({ type: 'caught', invariant, message: message.slice(0, 2_000) })
}

function over(): never {
  tell({ type: 'over' })
  process.exit(0)
}

/** True: one of them saw something. */
async function playSchedules(): Promise<boolean> {
  for (const { name, claim, run } of schedules) {
    tell({ type: 'begins', what: name, isSeed: false })
    try {
      await run()
    } catch (error) {
      caught(claim, error)
      return true
    }
  }
  return false
}

async function judge({
  schedules: scripted,
  world = 'raft',
  firstSeed,
  seeds,
  except,
  all = false,
}: TrialOrder): Promise<never> {
  if (scripted !== 'none' && (await playSchedules()) && scripted === 'first') over()
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    if (except.includes(seed)) continue
    tell({ type: 'begins', what: String(seed), isSeed: true })
    const violation = await playSeed(seed, world)
    if (violation === null) continue
    caught(violation.invariant, violation.message)
    if (!all) break
  }
  over()
}

for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: unknown) => {
    caught('nothing fails unheard', error)
    over()
  })
}

await judge(JSON.parse(process.argv[2] ?? '') as TrialOrder)
