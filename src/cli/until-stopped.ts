/** The signals that end a command in order, for commands that go on until then. */
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** One for the process, as its signals are. */
let stopped: Promise<NodeJS.Signals> | undefined

/**
 * Resolves at the first of them; a second one ends the process at once. `main` calls it before anything heavy is
 * imported: to the first process of a container, the kernel delivers no signal that nobody catches.
 */
export function untilStopped(): Promise<NodeJS.Signals> {
  return (stopped ??= new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals): void => {
      for (const other of signals) process.off(other, stop)
      resolve(signal)
    }
    for (const signal of signals) process.on(signal, stop)
  }))
}
