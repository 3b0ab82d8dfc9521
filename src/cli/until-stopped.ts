/** Resolves at the first signal that ends a command in order; a second one ends the process at once. */
export function untilStopped(): Promise<NodeJS.Signals> {
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals): void => {
      for (const other of signals) process.off(other, stop)
      resolve(signal)
    }
    for (const signal of signals) process.on(signal, stop)
  })
}
