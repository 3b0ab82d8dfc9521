import type { BackendEnv, Guarantee } from '../backends/backend.ts'
import { stand } from './campaign.ts'
import type { Seat, Won } from './campaign.ts'
import type { LeadershipOf } from './advisory-leadership.ts'
import type { HeldLeadershipBase } from './leadership-base.ts'
import { checkKeys } from './options.ts'
import { backOffMs, isTransient, pause, within } from './waiting.ts'
import { MandateError, isMandateError } from '../errors.ts'

/** After work that threw, and after work that resigned, in ms. */
const RETRY_FIRST_MS = 1000
const RETRY_MAX_MS = 30_000

/** As long as a timer can be, and longer than any work should take to stop. */
const DRAIN_MAX_MS = 2 ** 31 - 1

/** What runs while this candidate leads. Must stop when `leadership.signal` aborts. */
export type Work<T, Its extends Guarantee = 'linearizable'> = (
  leadership: LeadershipOf<Its>,
) => T | PromiseLike<T>

/** The same, for whoever does not look at what the leadership guarantees. */
export type AnyWork<T> = (leadership: HeldLeadershipBase) => T | PromiseLike<T>

export interface LeadOptions {
  /** Ends it: `work` is aborted and awaited, the leadership released, and `lead` resolves with undefined. */
  readonly signal?: AbortSignal | undefined
  /**
   * Asked when `work` throws, after the release; `attempt` counts the failures in a row. `stop` rejects with the error.
   * @default 'retry', after 1 s doubling to 30 s, jittered
   */
  readonly onError?: ((error: unknown, attempt: number) => 'retry' | 'stop') | undefined
  /**
   * How long aborted work may take to settle, in ms. After that the leadership is released, or campaigned for again,
   * although the work still runs: that is reported as a background failure, and only its token can stop it then.
   * @default the lease
   */
  readonly drainMs?: number | undefined
}

type Settled<T> =
  | { readonly is: 'value'; readonly value: T }
  | { readonly is: 'error'; readonly error: unknown }

/** How one leadership ended for `lead`. */
type Term<T> =
  | Settled<T>
  /** By a loss: campaign again. */
  | { readonly is: 'lost' }
  /** The work resigned or handed over: campaign again, but let others go first. */
  | { readonly is: 'resigned' }

export interface LeadPlan<T> {
  readonly work: AnyWork<T>
  readonly onError: (error: unknown, attempt: number) => 'retry' | 'stop'
  readonly drainMs: number
  readonly stop: AbortSignal
}

/** @throws INVALID_OPTIONS */
export function checkLeadOptions(work: unknown, options: LeadOptions): void {
  if (typeof work !== 'function') {
    throw new MandateError('INVALID_OPTIONS', 'lead() takes the work as a function', {
      option: 'work',
      value: work,
    })
  }
  checkKeys(options, ['signal', 'onError', 'drainMs'], '')
  const { drainMs = 0 } = options
  if (drainMs >= 0 && drainMs <= DRAIN_MAX_MS) return
  const expected = `0 to ${DRAIN_MAX_MS} ms`
  throw new MandateError('INVALID_OPTIONS', `drainMs is ${drainMs}; give ${expected}`, {
    option: 'drainMs',
    value: drainMs,
    expected,
  })
}

/** Campaigns, works, and campaigns again, until the work has a result or is stopped. */
export async function leadUntilDone<T>(seat: Seat, plan: LeadPlan<T>): Promise<T | undefined> {
  const { env } = seat.settings.backend
  let failures = 0
  let unreachable = 0
  const rest = (attempt: number): Promise<void> =>
    pause(env.clock, backOffMs(env.random, attempt, RETRY_FIRST_MS, RETRY_MAX_MS), plan.stop)
  while (!plan.stop.aborted) {
    const won = await standOrReport(seat, plan.stop)
    if (won === undefined) {
      unreachable++
      await rest(unreachable)
      continue
    }
    unreachable = 0
    const term = await serve(won, plan, env)
    switch (term.is) {
      case 'value':
        return term.value
      case 'lost':
        failures = 0
        break
      case 'resigned':
        failures = 0
        await rest(1)
        break
      case 'error':
        failures++
        if (plan.onError(term.error, failures) === 'stop') throw term.error
        await rest(failures)
        break
      default:
        term satisfies never
    }
  }
  return undefined
}

/** Undefined: stopped, or the arbiter cannot be reached now. */
async function standOrReport(seat: Seat, stop: AbortSignal): Promise<Won | undefined> {
  try {
    return await stand(seat, stop)
  } catch (error) {
    if (stop.aborted && isMandateError(error, 'CANCELLED')) return undefined
    if (!isTransient(error)) throw error
    seat.settings.backend.env.report({ during: `campaign for '${seat.settings.name}'`, error })
    return undefined
  }
}

/** One leadership: the work, its end, the drain, the release, in that order. */
async function serve<T>({ standing, leadership }: Won, plan: LeadPlan<T>, env: BackendEnv): Promise<Term<T>> {
  let drained = (): void => undefined
  standing.drainFirst(new Promise((resolve) => (drained = resolve)))
  const stop = (): void => leadership.end('resigned')
  plan.stop.addEventListener('abort', stop, { once: true })
  try {
    // Between the win and here the event loop may have run.
    if (plan.stop.aborted) leadership.end('resigned')
    if (!leadership.isValid()) return { is: 'lost' }
    const working = settle(plan.work, leadership)
    const ended = leadership.lost.then(() => undefined)
    const result = await Promise.race([working, ended])
    // A value counts only if it was the leader's: work that was aborted may have returned early.
    if (result !== undefined && leadership.isValid()) return result
    leadership.expire()
    await drain(working, leadership, plan.drainMs, env)
    const { reason } = leadership
    return { is: reason === 'resigned' || reason === 'transferred' ? 'resigned' : 'lost' }
  } finally {
    plan.stop.removeEventListener('abort', stop)
    drained()
    await standing.release()
  }
}

/** Waits for work that was told to stop. Its lease is kept meanwhile, if it still is one. */
async function drain(
  working: Promise<Settled<unknown>>,
  leadership: HeldLeadershipBase,
  drainMs: number,
  env: BackendEnv,
): Promise<void> {
  const during = `work of election '${leadership.electionName}'`
  const result = await within(working, env.clock, drainMs)
  if (result === undefined) {
    const error = new MandateError(
      'TIMEOUT',
      `${during} did not stop within ${drainMs} ms after its signal aborted`,
      {
        afterMs: drainMs,
      },
    )
    env.report({ during, error })
  } else if (result.is === 'error' && !isAbort(result.error, leadership.signal)) {
    env.report({ during, error: result.error })
  }
}

/** Starts the work; never rejects. */
async function settle<T>(work: AnyWork<T>, leadership: HeldLeadershipBase): Promise<Settled<T>> {
  try {
    return { is: 'value', value: await work(leadership) }
  } catch (error) {
    return { is: 'error', error }
  }
}

/** Whether work that was aborted threw only to say so. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  if (error === signal.reason || isMandateError(error, 'LEADERSHIP_LOST')) return true
  return error instanceof Error && (error.name === 'AbortError' || error.cause === signal.reason)
}
