import type { BackendEnv } from './backend.ts'

export interface Request<Outcome> {
  readonly timeoutMs: number
  readonly send: (signal: AbortSignal) => Promise<Outcome>
  readonly failed: (error: unknown) => Outcome
  readonly done: (outcome: Outcome) => void
}

/** One request at a time to a lease store: bounded in time, answered exactly once, cancelled by the next. */
export interface Requests {
  /** Calls `done` once, with the outcome or with what `failed` makes of an error or of the time-out. */
  start<Outcome>(request: Request<Outcome>): void
  /** Nothing is called after this. */
  cancel(): void
}

export function requests({ clock }: BackendEnv): Requests {
  let cancelCurrent = (): void => undefined
  return {
    start<Outcome>({ timeoutMs, send, failed, done }: Request<Outcome>) {
      cancelCurrent()
      const controller = new AbortController()
      let open = true
      const close = (): void => {
        open = false
        timer.cancel()
      }
      const finish = (outcome: Outcome): void => {
        if (!open) return
        close()
        done(outcome)
      }
      let timer = clock.setTimer(timeoutMs, () => {
        // After a stall the answer may have arrived and not been read yet.
        timer = clock.afterPoll(() => {
          finish(failed(new Error(`no answer within ${Math.round(timeoutMs)} ms`)))
          controller.abort()
        })
      })
      cancelCurrent = () => {
        if (!open) return
        close()
        controller.abort()
      }
      attempt(() => send(controller.signal)).then(finish, (error: unknown) => finish(failed(error)))
    },
    cancel: () => cancelCurrent(),
  }
}

/** Sends at once; a store that throws instead of rejecting is treated alike. */
export function attempt<Outcome>(send: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return send()
  } catch (error) {
    return Promise.reject(error)
  }
}
