import type { BackendEnv } from '../backends/backend.ts'
import { MandateError } from '../errors.ts'
import { afterCheck, unchecked, type Hysteresis } from '../protocols/detector/hysteresis.ts'
import type { Timer } from '../seams/clock.ts'

/**
 * Resolves if this process can do the leader's work, rejects if it cannot. `signal` aborts when its time is over; a check
 * that ignores that counts as failed for as long as it hangs, and no other is begun beside it.
 */
export type HealthCheck = (signal: AbortSignal) => PromiseLike<void> | void

export interface HealthOptions {
  readonly check: HealthCheck
  /** From the end of a check to the begin of the next, in ms. @default 2000 */
  readonly intervalMs?: number | undefined
  /** How long a check may take, in ms. @default 1000 */
  readonly timeoutMs?: number | undefined
  /** Failures in a row after which the candidate is unhealthy. @default 3 */
  readonly failures?: number | undefined
  /** Successes in a row after which it is healthy again. @default 2 */
  readonly successes?: number | undefined
}

export type HealthSettings = {
  readonly [option in keyof HealthOptions]-?: NonNullable<HealthOptions[option]>
}

const DURATION_MAX_MS = 2 ** 31 - 1
const COUNT_MAX = 1000

/** With every default filled in. @throws INVALID_OPTIONS */
export function healthSettings(given: unknown, option: string): HealthSettings {
  if (typeof given === 'function') return healthSettings({ check: given }, option)
  if (typeof given !== 'object' || given === null)
    throw invalid(option, given, 'a function, or an object such as { check, intervalMs: 2000 }')
  const defaults = { intervalMs: 2000, timeoutMs: 1000, failures: 3, successes: 2 }
  const known = ['check', ...Object.keys(defaults)]
  for (const [key, value] of Object.entries(given)) {
    if (!known.includes(key))
      throw invalid(`${option}.${key}`, value, `no such option; they are ${known.join(', ')}`)
  }
  const settings = { ...defaults, ...withoutAbsent(given) } as HealthSettings
  const { check, intervalMs, timeoutMs, failures, successes } = settings
  if (typeof check !== 'function') throw invalid(`${option}.check`, check, 'a function')
  for (const [name, value] of Object.entries({ intervalMs, timeoutMs })) {
    if (Number.isFinite(value) && value >= 1 && value <= DURATION_MAX_MS) continue
    throw invalid(`${option}.${name}`, value, `1 to ${DURATION_MAX_MS} ms`)
  }
  for (const [name, value] of Object.entries({ failures, successes })) {
    if (Number.isSafeInteger(value) && value >= 1 && value <= COUNT_MAX) continue
    throw invalid(`${option}.${name}`, value, `a whole number from 1 to ${COUNT_MAX}`)
  }
  return settings
}

function withoutAbsent(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function invalid(option: string, value: unknown, expected: string): MandateError<'INVALID_OPTIONS'> {
  const message = `option ${option} is ${String(value)}; expected ${expected}`
  return new MandateError('INVALID_OPTIONS', message, { option, value, expected })
}

interface Run {
  readonly abort: AbortController
  /** Its result counts no more: it took too long, or nobody needs it. */
  void: boolean
}

/**
 * Runs the checks of one candidate while anybody needs them, one at a time, and says whether it is healthy. Checks that
 * nobody needs are stopped; when they are needed again, a candidate that was healthy has to pass one first, and one that
 * was not has to pass as many as ever.
 */
export class HealthWatch {
  readonly #settings: HealthSettings
  readonly #env: Pick<BackendEnv, 'clock' | 'report'>
  readonly #during: string
  readonly #changed = new Set<() => void>()
  #users = 0
  #state: Hysteresis = unchecked
  /** A check was judged since they are needed. */
  #fresh = false
  #cause: unknown
  #run: Run | null = null
  #timer: Timer | null = null

  constructor(settings: HealthSettings, env: Pick<BackendEnv, 'clock' | 'report'>, during: string) {
    this.#settings = settings
    this.#env = env
    this.#during = during
  }

  get isHealthy(): boolean {
    return this.#fresh && this.#state.is === 'up'
  }

  /** Why the last check that failed did. */
  get cause(): unknown {
    return this.#cause
  }

  /** Checks run until every caller has called what it got. */
  use(): () => void {
    if (++this.#users === 1) this.#begin()
    let using = true
    return () => {
      if (!using) return
      using = false
      if (--this.#users === 0) this.#end()
    }
  }

  /** Resolves when it is healthy, or `signal` aborts. Somebody must `use` it. */
  async untilHealthy(signal: AbortSignal): Promise<void> {
    if (this.isHealthy || signal.aborted) return
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.isHealthy && !signal.aborted) return
        this.#changed.delete(look)
        signal.removeEventListener('abort', look)
        resolve()
      }
      this.#changed.add(look)
      signal.addEventListener('abort', look, { once: true })
    })
  }

  /** Calls `unhealthy` once, as soon as it is not healthy: now, if it is not. Returns what takes that back. */
  onceUnhealthy(unhealthy: () => void): () => void {
    const look = (): void => {
      if (this.isHealthy) return
      this.#changed.delete(look)
      unhealthy()
    }
    this.#changed.add(look)
    look()
    return () => void this.#changed.delete(look)
  }

  #begin(): void {
    this.#fresh = false
    if (this.#state.is === 'up') this.#state = unchecked
    // One that was given up still hangs: no other beside it.
    if (this.#run === null) this.#check()
    else this.#wait()
  }

  #end(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (this.#run === null) return
    this.#run.void = true
    this.#run.abort.abort()
  }

  #check(): void {
    const run: Run = { abort: new AbortController(), void: false }
    this.#run = run
    const { clock } = this.#env
    const { timeoutMs } = this.#settings
    // After a stall of this process the answer may be there, unread.
    this.#timer = clock.setTimer(timeoutMs, () => {
      this.#timer = clock.afterPoll(() => this.#overdue(run))
    })
    void this.#ask(run)
  }

  /** Never rejects. */
  async #ask(run: Run): Promise<void> {
    try {
      await this.#settings.check(run.abort.signal)
      this.#answered(run, undefined)
    } catch (error) {
      this.#answered(run, { error })
    }
  }

  #answered(run: Run, failure: { readonly error: unknown } | undefined): void {
    this.#run = null
    if (this.#users === 0) return
    if (run.void) {
      // It was counted already, and the next check is due in its time; unless it kept that from its begin.
      if (!this.#fresh) this.#next()
      return
    }
    this.#wait()
    this.#judge(failure)
  }

  #overdue(run: Run): void {
    run.void = true
    const { timeoutMs } = this.#settings
    const message = `${this.#during}: no answer within ${timeoutMs} ms`
    const error = new MandateError('TIMEOUT', message, { afterMs: timeoutMs })
    run.abort.abort(error)
    this.#wait()
    this.#judge({ error })
  }

  #wait(): void {
    this.#timer?.cancel()
    this.#timer = this.#env.clock.setTimer(this.#settings.intervalMs, () => this.#next())
  }

  #next(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (this.#run === null) return this.#check()
    this.#wait()
    const message = `${this.#during}: the last check hangs`
    this.#judge({ error: new MandateError('TIMEOUT', message, { afterMs: this.#settings.intervalMs }) })
  }

  #judge(failure: { readonly error: unknown } | undefined): void {
    const before = this.#state.is
    this.#state = afterCheck(this.#state, failure === undefined, this.#settings)
    this.#fresh = true
    if (failure !== undefined) this.#cause = failure.error
    if (this.#state.is === 'down' && before !== 'down')
      this.#env.report({ during: this.#during, error: this.#cause })
    for (const look of [...this.#changed]) look()
  }
}
