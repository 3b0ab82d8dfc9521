import type { Clock } from '../../seams/clock.ts'

/** Rejects with the reason of the signal when that aborts first; leaves no timer and no listener. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      timer.cancel()
      reject(signal.reason as Error)
    }
    const timer = clock.setTimer(ms, () => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
