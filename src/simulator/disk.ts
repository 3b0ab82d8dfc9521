/** The disk under one peer: the seam that a process sees, writes that take their time, and what goes wrong with them. */
import { diskError } from '../cluster/log-writer.ts'
import type { LogRecord } from '../cluster/messages.ts'
import { MandateError } from '../errors.ts'
import type { Recovered, Storage } from '../seams/storage.ts'
import { DiskImage, type Snapshot } from './disk-image.ts'
import { Input, type Incarnation } from './incarnation.ts'
import type { Tally } from './route.ts'
import type { Scheduler } from './scheduler.ts'
import type { Stream } from './streams.ts'
import { Task } from './task-queue.ts'

/** What the history wants to know. */
export interface StorageTap {
  appended(batch: number, records: readonly LogRecord[]): void
  durable(batch: number): void
  recovered(incarnation: number, records: readonly LogRecord[]): void
}

/** About what a record takes: nothing is encoded to be counted. */
const RECORD_BYTES = 160

export interface DiskOptions {
  readonly scheduler: Scheduler
  readonly chance: Stream
  readonly tally: Tally
  readonly peer: string
  readonly cluster: string
  /** An fsync takes so long, drawn for each. */
  readonly writeMs: readonly [min: number, max: number]
}

type Done = (error?: unknown) => void

interface Batch {
  readonly number: number
  readonly records: readonly LogRecord[]
  readonly done: Done
}

export type DiskFailure = 'fsync' | 'full'

interface Outcome {
  readonly error: unknown
}

export class Disk {
  readonly #options: DiskOptions
  readonly #image: DiskImage
  /** The process that has it open. */
  #owner: Incarnation | null = null
  /** Appended, and not part of a write. */
  #queue: Batch[] = []
  /** Being written. */
  #writing: readonly Batch[] | null = null
  #held = false
  #slowness = 1
  #armed: DiskFailure | null = null
  /** Nothing is written any more by this owner. */
  #failed: unknown
  constructor(options: DiskOptions) {
    this.#options = options
    this.#image = new DiskImage(options)
  }

  /** Records that are durable. */
  get durable(): Iterable<LogRecord> {
    return this.#image.records
  }

  get incarnation(): number {
    return this.#image.incarnation
  }

  // ---- faults -----------------------------------------------------------------------------------------------------

  /** Writes do not end until `release`. */
  hold(): void {
    this.#held = true
  }

  release(): void {
    this.#held = false
    this.#slowness = 1
    this.#armed = null
    this.#write()
  }

  slow(factor: number): void {
    this.#slowness = factor
  }

  /** The next write fails, and with it everything after it. */
  fail(how: DiskFailure): void {
    this.#armed = how
  }

  /** From now on one bit of what was written is not as it was. */
  flip(): void {
    this.#image.flip()
  }

  copy(): Snapshot {
    return this.#image.copy()
  }

  /** Only while no process has it open. */
  restore(snapshot: Snapshot): void {
    this.#image.restore(snapshot)
  }

  // ---- the seam ---------------------------------------------------------------------------------------------------

  storage(process: Incarnation, tap: StorageTap): Storage<LogRecord> {
    let batches = 0
    let records = 0
    return {
      open: () => this.#open(process, tap),
      append: (batch, done) => {
        if (!process.touch('append')) return
        const number = ++batches
        records += batch.length
        tap.appended(number, batch)
        process.act(() => this.#append(process, { number, records: batch, done: (error) => tell(error) }))
        const tell: Done = (error) => {
          if (error === undefined) tap.durable(number)
          done(error)
        }
      },
      bytes: () => (records + this.#image.groups) * RECORD_BYTES,
      close: () => this.#close(process),
    }
  }

  #open(process: Incarnation, tap: StorageTap): Promise<Recovered<LogRecord>> {
    return new Promise((resolve, reject) => {
      if (!process.touch('open')) return
      if (this.#owner !== null) {
        reject(
          new MandateError('DATA_DIR_IN_USE', 'another process has the folder', {
            dataDir: this.#options.peer,
          }),
        )
        return
      }
      this.#owner = process
      process.atDeath(() => this.#crashed(process))
      const { scheduler } = this.#options
      scheduler.put(
        new Input(process, () => {
          try {
            const recovered = this.#recover()
            tap.recovered(recovered.incarnation, recovered.records)
            resolve(recovered)
          } catch (error) {
            this.#owner = null
            reject(error)
          }
        }),
        scheduler.now + this.#writeMs(),
      )
    })
  }

  #recover(): Recovered<LogRecord> {
    const recovered = this.#image.recover()
    this.#failed = undefined
    return recovered
  }

  #append(process: Incarnation, batch: Batch): void {
    if (this.#owner !== process || this.#failed !== undefined) {
      const error = this.#failed ?? new MandateError('CLOSED', 'the log is closed', { what: 'log' })
      queueMicrotask(() => batch.done(error))
      return
    }
    this.#queue.push(batch)
    this.#write()
  }

  /** One write at a time, of all that is there when it begins. */
  #write(): void {
    const owner = this.#owner
    if (owner === null || this.#held || this.#writing !== null || this.#queue.length === 0) return
    const batches = (this.#writing = this.#queue)
    this.#queue = []
    const { scheduler } = this.#options
    scheduler.put(new Written(owner, this, batches), scheduler.now + this.#writeMs() * this.#slowness)
  }

  /** The write is over, whether the process looks or not. Null if it never ends. */
  settle(owner: Incarnation, batches: readonly Batch[]): Outcome | null {
    if (this.#owner !== owner || this.#writing !== batches) return null
    if (this.#held) {
      // It is tried again once the disk moves.
      this.#queue = [...batches, ...this.#queue]
      this.#writing = null
      this.#options.tally('disk hung')
      return null
    }
    this.#writing = null
    const records = batches.flatMap((batch) => batch.records)
    if (this.#armed === null) {
      this.#image.add(records)
      this.#write()
      return { error: undefined }
    }
    const code = this.#armed === 'full' ? 'ENOSPC' : 'EIO'
    this.#options.tally(this.#armed === 'full' ? 'disk full' : 'fsync failed')
    this.#armed = null
    this.#failed = diskError(this.#options.peer, Object.assign(new Error(code), { code }))
    this.#image.leave(records)
    return { error: this.#failed }
  }

  answer(batches: readonly Batch[], { error }: Outcome): void {
    for (const batch of batches) batch.done(error)
    if (error === undefined) return
    for (const batch of this.#queue.splice(0)) batch.done(error)
  }

  #close(process: Incarnation): Promise<void> {
    return new Promise((resolve) => {
      if (!process.touch('open')) return
      const look = (): void => {
        if (this.#owner !== process) return resolve()
        if (this.#failed === undefined && (this.#writing !== null || this.#queue.length > 0)) {
          this.#options.scheduler.put(new Input(process, look), this.#options.scheduler.now + 1)
          return
        }
        this.#owner = null
        resolve()
      }
      look()
    })
  }

  // ---- crashes ----------------------------------------------------------------------------------------------------

  #crashed(process: Incarnation): void {
    if (this.#owner !== process) return
    this.#owner = null
    const lost = this.#queue.length
    this.#queue = []
    if (this.#writing !== null) this.#image.leave(this.#writing.flatMap((batch) => batch.records))
    else if (lost > 0) this.#options.tally('unsynced writes lost')
    this.#writing = null
    this.#held = false
    this.#armed = null
  }

  #writeMs(): number {
    const [min, max] = this.#options.writeMs
    return this.#options.chance.between(min, max)
  }
}

/** An fsync ends on its thread; the process hears of it when it looks. */
class Written extends Task {
  readonly #disk: Disk
  readonly #owner: Incarnation
  readonly #batches: readonly Batch[]
  #outcome: Outcome | null = null

  constructor(owner: Incarnation, disk: Disk, batches: readonly Batch[]) {
    super(owner, 'input')
    this.#owner = owner
    this.#disk = disk
    this.#batches = batches
  }

  override get mark(): number {
    return 8 + this.#batches.length * 32
  }

  override arrives(): boolean {
    this.#outcome = this.#disk.settle(this.#owner, this.#batches)
    return this.#outcome !== null
  }

  run(): void {
    if (this.#outcome !== null) this.#disk.answer(this.#batches, this.#outcome)
  }
}
