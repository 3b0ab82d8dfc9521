import { MandateError, isMandateError } from '../errors.ts'
import type { Clock, Timer } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'

/** Resolves after `delayMs`, or as soon as `signal` aborts; leaves neither a timer nor a listener. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer: Timer = clock.setTimer(delayMs, done)
    signal.addEventListener('abort', done, { once: true })
  })
}

/** Settles as `promise`, but with `undefined` as soon as `signal` aborts; `promise` goes on. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(undefined)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Settles as `promise`, but with `undefined` after `limitMs`; `promise` goes on. */
export function within<T>(promise: Promise<T>, clock: Clock, limitMs: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(limitMs, () => resolve(undefined))
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}

/** One signal for several, until `unlink`. Not `AbortSignal.any`, which keeps long-lived signals in memory. */
export function linkSignals(signals: readonly (AbortSignal | undefined)[]): {
  readonly signal: AbortSignal
  unlink(): void
} {
  const controller = new AbortController()
  const stops: (() => void)[] = []
  for (const signal of signals) {
    if (signal === undefined) continue
    const abort = (): void => controller.abort(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    stops.push(() => signal.removeEventListener('abort', abort))
  }
  return {
    signal: controller.signal,
    unlink: () => {
      for (const stop of stops) stop()
    },
  }
}

/** Doubles from `firstMs` to `maxMs`; the draw keeps candidates that failed together from coming back together. */
export function backOffMs(random: Random, attempt: number, firstMs: number, maxMs: number): number {
  const fullMs = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30))
  return fullMs * (0.5 + random.next() / 2)
}

export function cancelled(what: string, signal: AbortSignal): MandateError<'CANCELLED'> {
  const reason: unknown = signal.reason
  return new MandateError('CANCELLED', `${what} was cancelled by its signal`, { reason }, { cause: reason })
}

/** Whether trying again later may help without anybody changing anything. */
export function isTransient(error: unknown): boolean {
  return isMandateError(error, 'BACKEND_UNAVAILABLE') || isMandateError(error, 'TIMEOUT')
}
