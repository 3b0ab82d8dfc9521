/**
 * A disk in memory for tests of whatever writes through the Storage seam. It outlives the processes that open it:
 * `crash()` ends the process and loses what was not acknowledged, `storage()` is the next process's view.
 */
import { MandateError } from '../errors.ts'
import type { Clock } from '../seams/clock.ts'
import type { Recovered, Start, Storage } from '../seams/storage.ts'

export interface MemoryDiskOptions {
  /** Told apart from other disks by this. @default 'memory-disk' */
  readonly storageId?: string
  /** With a clock every write takes `writeMs` of its time; without one it takes a microtask. */
  readonly clock?: Clock
  /** @default 0 */
  readonly writeMs?: number
}

export interface MemoryDisk<Record> {
  /** A new process's storage on this disk. The one before must have been closed or crashed. */
  storage(): Storage<Record>
  /** From now on writes reach the disk but are not acknowledged, until `release()`. */
  hold(): void
  release(): void
  /** The next write, and with it everything behind it, fails with `error`; nothing more is written until a reopen. */
  fail(error: unknown): void
  /**
   * The process dies. Of the records appended and not acknowledged the first `keep` are found by the next open, the
   * rest are lost; no `done` is called any more. @default keep 0
   */
  crash(options?: { readonly keep?: number }): void
  /** What the next open would recover, if nothing else is written. */
  readonly records: readonly Record[]
  /** Batches appended and not yet acknowledged. */
  readonly pending: number
  /** How many times it was opened: the incarnation of the process that has it open. */
  readonly opens: number
}

interface Batch<Record> {
  readonly records: readonly Record[]
  readonly done: (error?: unknown) => void
}

export function memoryDisk<Record>(options: MemoryDiskOptions = {}): MemoryDisk<Record> {
  const { storageId = 'memory-disk', clock, writeMs = 0 } = options
  const records: Record[] = []
  const starts: Start[] = []
  let opens = 0
  let open = false
  /** Work scheduled for an earlier process finds another number here and does nothing. */
  let life = 0
  let held = false
  let scheduled = false
  let armed: { readonly error: unknown } | null = null
  let stopped: { readonly error: unknown } | null = null
  let queue: Batch<Record>[] = []
  let idle: (() => void)[] = []

  function later(run: () => void): void {
    if (clock === undefined) queueMicrotask(run)
    else clock.setTimer(writeMs, run)
  }

  function schedule(): void {
    if (scheduled || held || queue.length === 0) return
    scheduled = true
    const mine = life
    // Like a real disk: one flush for everything that was there when it began.
    const count = queue.length
    later(() => {
      if (mine !== life) return
      scheduled = false
      if (!held) complete(count)
      schedule()
    })
  }

  function complete(count: number): void {
    const mine = life
    const batches = queue.slice(0, count)
    if (stopped === null && armed !== null) {
      stopped = armed
      armed = null
    }
    for (const batch of batches) {
      queue.shift()
      if (stopped === null) {
        records.push(...structuredClone(batch.records))
        batch.done()
      } else {
        batch.done(stopped.error)
      }
      // A `done` may crash the disk.
      if (mine !== life) return
    }
    if (queue.length === 0) for (const resolve of idle.splice(0)) resolve()
  }

  function end(): void {
    life += 1
    open = false
    scheduled = false
    stopped = null
    armed = null
    queue = []
    for (const resolve of idle.splice(0)) resolve()
    idle = []
  }

  function storage(): Storage<Record> {
    let mine = -1
    const alive = (): boolean => mine === life && open
    return {
      async open(): Promise<Recovered<Record>> {
        await Promise.resolve()
        if (open) {
          throw new MandateError('DATA_DIR_IN_USE', 'the memory disk is open; crash or close it first', {
            dataDir: storageId,
          })
        }
        open = true
        opens += 1
        life += 1
        mine = life
        const earlier = starts.slice()
        const start: Start = { incarnation: opens, run: `${storageId} ${opens}` }
        starts.push(start)
        return { ...start, storageId, earlier, records: structuredClone(records) }
      },
      append(batch, done): void {
        if (!alive()) {
          const error = new MandateError('CLOSED', 'the log is closed', { what: 'log' })
          queueMicrotask(() => done(error))
          return
        }
        queue.push({ records: batch, done })
        schedule()
      },
      bytes: () => records.length,
      async close(): Promise<void> {
        if (!alive()) return
        if (queue.length > 0) await new Promise<void>((resolve) => idle.push(resolve))
        if (alive()) end()
      },
    }
  }

  return {
    storage,
    hold(): void {
      held = true
    },
    release(): void {
      held = false
      schedule()
    },
    fail(error): void {
      armed = { error }
    },
    crash({ keep = 0 } = {}): void {
      const unacknowledged = queue.flatMap((batch) => batch.records)
      if (stopped === null && armed === null) records.push(...structuredClone(unacknowledged.slice(0, keep)))
      end()
    },
    get records() {
      return records
    },
    get pending() {
      return queue.length
    },
    get opens() {
      return opens
    },
  }
}
