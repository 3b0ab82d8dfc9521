/**
 * Many seeds over many workers: handed out in order, taken in in order, so that the result depends on no race between
 * workers. After a violation only seeds below it are still waited for: the first one is always the same.
 */
import type { SeedSummary } from './summary.ts'

export interface SeedWorker {
  run(seed: string): Promise<SeedSummary>
}

export interface SweepOptions {
  readonly workers: readonly SeedWorker[]
  readonly firstSeed: bigint
  /** Null: until `mayStart` says no. */
  readonly seeds: number | null
  /** Asked before each seed. */
  readonly mayStart: () => boolean
  /** In the order of the seeds, with no gap. */
  readonly done: (summary: SeedSummary) => void
  /** Ends it at once; what is under way is dropped. */
  readonly signal: AbortSignal
}

/** Resolves when nothing more will be told; rejects if a worker failed. */
export async function sweep(options: SweepOptions): Promise<void> {
  const { workers, firstSeed, seeds, signal } = options
  const finished = new Map<bigint, SeedSummary>()
  let next = firstSeed
  let told = firstSeed
  let end = seeds === null ? null : firstSeed + BigInt(seeds)
  const take = (): bigint | null => {
    if (signal.aborted || (end !== null && next >= end) || !options.mayStart()) return null
    next += 1n
    return next - 1n
  }
  const tell = (): void => {
    for (let summary = finished.get(told); summary !== undefined; summary = finished.get(told)) {
      finished.delete(told)
      if (end !== null && told >= end) return
      told += 1n
      options.done(summary)
    }
  }
  const work = async (worker: SeedWorker): Promise<void> => {
    for (let seed = take(); seed !== null; seed = take()) {
      const summary = await unlessAborted(worker.run(String(seed)), signal)
      if (summary === null) return
      finished.set(seed, summary)
      if (summary.violations.length > 0 && (end === null || seed + 1n < end)) end = seed + 1n
      tell()
    }
  }
  await Promise.all(workers.map(work))
}

function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value | null> {
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(null)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise
      .then(resolve, (error: unknown) => (signal.aborted ? resolve(null) : reject(error)))
      .finally(() => signal.removeEventListener('abort', abort))
  })
}
