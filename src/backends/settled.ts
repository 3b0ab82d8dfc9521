/** Promises that somebody else settles, and waits that a signal ends. */
import { MandateError } from '../errors.ts'
import type { Clock } from '../seams/clock.ts'

/** `Promise.withResolvers` is not in Node 20. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

/** @throws CANCELLED as soon as `signal` aborts; the loser of the race cleans up. */
export async function settledOrAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(signal))
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** @throws CANCELLED as soon as `signal` aborts; leaves no timer and no listener. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(cancelled(signal))
    const onAbort = (): void => {
      timer.cancel()
      reject(cancelled(signal))
    }
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** What `promise` gives, or `otherwise` after so long, or when `signal` aborts: it goes on without being waited for. */
export function answerWithin<T, U>(
  promise: Promise<T>,
  otherwise: U,
  {
    clock,
    ms,
    signal,
  }: { readonly clock: Clock; readonly ms: number; readonly signal?: AbortSignal | undefined },
): Promise<T | U> {
  return new Promise((resolve, reject) => {
    const settle = (how: () => void): void => {
      timer.cancel()
      signal?.removeEventListener('abort', giveUp)
      how()
    }
    const giveUp = (): void => settle(() => resolve(otherwise))
    const timer = clock.setTimer(ms, giveUp)
    signal?.addEventListener('abort', giveUp, { once: true })
    promise.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    )
    if (signal?.aborted === true) giveUp()
  })
}

function cancelled(signal: AbortSignal | undefined): MandateError<'CANCELLED'> {
  return new MandateError('CANCELLED', 'Cancelled by its signal.', { reason: signal?.reason as unknown })
}
