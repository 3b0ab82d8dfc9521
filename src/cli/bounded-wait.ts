/** Waits of the supervisor that end early. */

/** Leaves neither a timer nor a listener. */
export async function pauseUnless(stop: AbortSignal, ms: number): Promise<void> {
  if (stop.aborted) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      stop.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    stop.addEventListener('abort', done, { once: true })
  })
}

/** What `promise` gives; undefined when it fails, takes longer, or `hurried` comes first. */
export async function within<T>(
  limitMs: number,
  promise: Promise<T>,
  hurried: Promise<void>,
): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), limitMs)))
  const first = await Promise.race([promise.catch(() => undefined), limit, hurried.then(() => undefined)])
  clearTimeout(timer)
  return first
}
