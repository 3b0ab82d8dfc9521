/** Durable records of one peer, in one order. */

/** One open of a folder. */
export interface Start {
  /** Grows by one with every open. */
  readonly incarnation: number
  /** Random: two copies of one folder count alike, and draw differently. */
  readonly run: string
}

/** One process of a peer, and what its folder went through before. */
export interface ProcessIdentity extends Start {
  /** Random, fixed when the folder was made: tells a swapped folder. */
  readonly storageId: string
  /** Oldest first, without the present one: tells a restored or copied folder. */
  readonly earlier: readonly Start[]
}

/** Its start is durable before `open` resolves. */
export interface Recovered<Record> extends ProcessIdentity {
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
