/** A machine that is busy with other things breaks promises about time that the code would have kept. */

/** How often a case is played at most. */
const tries = 5
const lookMs = 5
let lookedAt = performance.now()
/** The pauses of this process: when each ended, and how long it was. */
let pauses: { readonly endedAt: number; readonly ms: number }[] = []
setInterval(() => {
  const now = performance.now()
  const ms = now - lookedAt
  lookedAt = now
  if (ms > 20) pauses = [...pauses.slice(-999), { endedAt: now, ms }]
}, lookMs).unref()

/**
 * Plays it again if this process was not run for longer than `toleratedMs` meanwhile, or its server answered nobody for so
 * long: such a run is no verdict. Any other failure is, at once.
 */
export async function unlessStalled(
  run: () => Promise<void>,
  toleratedMs: number,
  server?: { slowestMs(since: number): number },
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const since = performance.now()
    try {
      return await run()
    } catch (error) {
      // The stall may be over and not yet seen.
      await new Promise((resolve) => setTimeout(resolve, 2 * lookMs))
      const stalled = pauses.some(({ endedAt, ms }) => endedAt >= since && ms > toleratedMs)
      const isSilent = server !== undefined && server.slowestMs(since) > toleratedMs
      if (attempt === tries || !(stalled || isSilent)) throw error
    }
  }
}
