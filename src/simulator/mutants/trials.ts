/** Runs `trial.ts` of one copy of the program, with limits in time. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TrialNews, TrialOrder } from './trial.ts'

export interface TrialLimits {
  /** For the whole trial, in ms of real time. */
  readonly wallMs: number
  /** For one schedule or seed, in ms of real time: whatever takes longer hangs, and that is a violation. */
  readonly silenceMs: number
  readonly signal?: AbortSignal | undefined
}

export interface Verdict {
  /** `schedule:NAME`, or the seed in decimal; null: nothing was seen. */
  readonly by: string | null
  /** What was violated. */
  readonly invariant: string | null
  readonly message: string | null
  /** Seeds that were begun. */
  readonly seedsTried: number
  readonly wallMs: number
}

/** @throws nothing: a program that does not even start is caught. */
export function onTrial(program: string, order: TrialOrder, limits: TrialLimits): Promise<Verdict> {
  const startedAt = performance.now()
  const child = spawn(
    process.execPath,
    ['--stack-trace-limit=4', join(program, 'simulator/mutants/trial.js'), JSON.stringify(order)],
    { stdio: ['ignore', 'pipe', 'pipe'], signal: limits.signal, killSignal: 'SIGKILL' },
  )
  let what = 'start'
  let seedsTried = 0
  let verdict: Pick<Verdict, 'by' | 'invariant' | 'message'> | null = null
  let complaints = ''
  const hangs = (): void => {
    const message = `no end within ${limits.silenceMs} ms of real time`
    verdict = { by: what, invariant: 'every run ends', message }
    child.kill('SIGKILL')
  }
  const nothing = (): void => {
    verdict = { by: null, invariant: null, message: null }
    child.kill('SIGKILL')
  }
  let silence = setTimeout(hangs, limits.silenceMs)
  const end = setTimeout(nothing, limits.wallMs)
  child.stderr.on('data', (data: Buffer) => (complaints = `${complaints}${data.toString()}`.slice(-4_000)))
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (verdict !== null) return
    const news = JSON.parse(line) as TrialNews
    clearTimeout(silence)
    switch (news.type) {
      case 'begins':
        what = news.what
        if (!what.startsWith('schedule:')) seedsTried += 1
        silence = setTimeout(hangs, limits.silenceMs)
        return
      case 'caught':
        verdict = { by: news.what, invariant: news.invariant, message: news.message }
        return
      case 'passed':
        verdict = { by: null, invariant: null, message: null }
        return
      default:
        news satisfies never
    }
  })
  return new Promise((resolve) => {
    const settle = (reason: string): void => {
      clearTimeout(silence)
      clearTimeout(end)
      const { by, invariant, message } = verdict ?? {
        by: what,
        invariant: 'the program runs',
        message: reason,
      }
      resolve({ by, invariant, message, seedsTried, wallMs: performance.now() - startedAt })
    }
    child.on('error', (error) => settle(error.message))
    child.on('close', (code) => settle(complaints.trim() || `the trial ended with ${code}`))
  })
}
