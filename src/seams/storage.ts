/** Durable records of one peer, in one order. */

export interface Recovered<Record> {
  /** Grows by one with every open, durably, before `open` resolves. */
  readonly incarnation: number
  /** Random, fixed when the folder was made: tells a restored or swapped folder. */
  readonly storageId: string
  /** Everything appended and acknowledged so far, and perhaps a tail that was written but not acknowledged. */
  readonly records: readonly Record[]
}

export interface Storage<Record> {
  /** Locks, reads and repairs. @throws DATA_DIR_IN_USE, DATA_CORRUPT, CLUSTER_MISMATCH, DISK_FULL */
  open(): Promise<Recovered<Record>>
  /**
   * Writes in call order; `done` is called in that order, once the batch and all before it are on disk, or with the
   * error that stops the log for good (after a failed fsync nothing more is written).
   */
  append(batch: readonly Record[], done: (error?: unknown) => void): void
  /** Size of what is stored, in bytes. */
  bytes(): number
  /** Waits for what was appended, releases the folder. Idempotent. */
  close(): Promise<void>
}
