import process from 'node:process'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/**
 * An `AbortSignal` that aborts on the first SIGINT or SIGTERM; a second one is not caught and ends the process. The only
 * thing in Mandate that installs signal handlers, and only when called: call it once, and do not use it beside a
 * framework that handles these signals. Keeps no process alive.
 */
export function shutdownSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = (signal: NodeJS.Signals): void => {
    for (const each of SIGNALS) process.removeListener(each, stop)
    controller.abort(new Error(`received ${signal}`))
  }
  for (const each of SIGNALS) process.on(each, stop)
  return controller.signal
}
