/** Runs `trial.ts` of one copy of the program, with limits in time. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TrialNews, TrialOrder } from './trial.ts'

export interface TrialLimits {
  /** For the whole trial, in ms of real time. */
  readonly wallMs: number
  /** For the seeds after a schedule saw something, in ms of real time. */
  readonly alsoMs: number
  /** For one schedule or seed, in ms of real time: what takes longer hangs, and that is a violation. */
  readonly silenceMs: number
  readonly signal?: AbortSignal | undefined
}

/** What a schedule or a seed saw. */
export interface Sight {
  /** The schedule's name, or the seed. */
  readonly by: string
  readonly invariant: string
  readonly message: string
}

export interface Verdict {
  readonly schedule: Sight | null
  /** The first seed that saw something. */
  readonly seed: Sight | null
  /** All of them. */
  readonly seeds: readonly Sight[]
  /** Seeds that were begun. */
  readonly seedsTried: number
  readonly wallMs: number
}

/** Never rejects: a program that does not even start is one that is seen to be broken. */
export function onTrial(program: string, order: TrialOrder, limits: TrialLimits): Promise<Verdict> {
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    [join(program, 'simulator/mutants/trial.js'), JSON.stringify(order)],
    { stdio: ['ignore', 'pipe', 'pipe'], signal: limits.signal, killSignal: 'SIGKILL' },
  )
  const seen: { schedule: Sight | null; seeds: Sight[] } = { schedule: null, seeds: [] }
  let now = { what: 'start', isSeed: false }
  let seedsTried = 0
  let isOver = false
  let complaints = ''
  const saw = (invariant: string, message: string): void => {
    const sight = { by: now.what, invariant, message }
    if (now.isSeed) seen.seeds.push(sight)
    else seen.schedule ??= sight
  }
  const stop = (): void => {
    isOver = true
    child.kill('SIGKILL')
  }
  const hangs = (): void => {
    saw('every run ends', `no end within ${limits.silenceMs} ms of real time`)
    stop()
  }
  let silence = setTimeout(hangs, limits.silenceMs)
  let end = setTimeout(stop, limits.wallMs)
  child.stderr.on('data', (data: Buffer) => (complaints = `${complaints}${data.toString()}`.slice(-4_000)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (isOver) return
    clearTimeout(silence)
    const news = JSON.parse(line) as TrialNews
    switch (news.type) {
      case 'begins':
        now = news
        if (news.isSeed) seedsTried += 1
        silence = setTimeout(hangs, limits.silenceMs)
        return
      case 'caught':
        saw(news.invariant, news.message)
        silence = setTimeout(hangs, limits.silenceMs)
        if (now.isSeed) return
        clearTimeout(end)
        end = setTimeout(stop, limits.alsoMs)
        return
      case 'over':
        isOver = true
        return
      default:
        news satisfies never
    }
  })
  return new Promise((resolve) => {
    const settle = (reason: string): void => {
      clearTimeout(silence)
      clearTimeout(end)
      if (!isOver) saw('the program runs', reason)
      resolve({ ...seen, seed: seen.seeds[0] ?? null, seedsTried, wallMs: performance.now() - startedAt })
    }
    child.on('error', (error) => settle(error.message))
    child.on('close', (code) => settle(complaints.trim() || `the trial ended with ${code}`))
  })
}
