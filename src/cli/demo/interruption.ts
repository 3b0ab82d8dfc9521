/** How the demo is told to stop: signals, and a reader of its output that went away. */
import { exitCodeOfSignal } from '../exit-codes.ts'

/** npm repeats a Ctrl-C that the terminal has sent already. */
const repeatedWithinMs = 200

export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly exitCode: number

  constructor(by: NodeJS.Signals) {
    super(`interrupted by ${by}`)
    this.exitCode = exitCodeOfSignal(by)
  }
}

export interface Interruption {
  readonly signal: AbortSignal
  /** Nobody reads the output any more. */
  outputClosed(): void
  dispose(): void
}

/** The first signal ends the demo in order; a second one at once, and the reaper cleans up alone. */
export function interruption(): Interruption {
  const controller = new AbortController()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const
  let firstMs: number | undefined
  const stop = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now()
    firstMs ??= nowMs
    if (nowMs - firstMs > repeatedWithinMs) process.exit(exitCodeOfSignal(signal))
    controller.abort(new Interrupted(signal))
  }
  for (const signal of signals) process.on(signal, stop)
  return {
    signal: controller.signal,
    outputClosed: () => controller.abort(new Interrupted('SIGPIPE')),
    dispose: () => {
      for (const signal of signals) process.off(signal, stop)
    },
  }
}
