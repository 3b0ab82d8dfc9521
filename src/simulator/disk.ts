/**
 * The disk under one peer. What is durable is kept as groups of records, and turned into the bytes of the real log format
 * when a process starts on it: so what a crash tore, or a bit that flipped, meets the code that reads real logs.
 */
import { encodeGroup, encodeHeader, encodeRecords } from '../cluster/log-format.ts'
import { scanLog } from '../cluster/log-recovery.ts'
import { diskError } from '../cluster/log-writer.ts'
import type { LogRecord } from '../cluster/messages.ts'
import { startsOf } from '../cluster/recovery.ts'
import { MandateError } from '../errors.ts'
import type { Recovered, Start, Storage } from '../seams/storage.ts'
import { Input, type Incarnation } from './incarnation.ts'
import type { Tally } from './route.ts'
import type { Scheduler } from './scheduler.ts'
import type { Stream } from './streams.ts'
import { Task } from './task-queue.ts'

/** What one fsync made durable. */
export interface Group {
  readonly records: readonly LogRecord[]
  /** Made when first needed. */
  bytes: Buffer | null
}

/** An old copy of a folder. */
export interface Snapshot {
  readonly groups: readonly Group[]
  readonly incarnation: number
}

/** What the history wants to know. */
export interface StorageTap {
  appended(batch: number, records: readonly LogRecord[]): void
  durable(batch: number): void
  recovered(incarnation: number, records: readonly LogRecord[]): void
}

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

/** Decoding and encoding nothing, about what a record takes. */
const RECORD_BYTES = 160

export class Disk {
  readonly #options: DiskOptions
  readonly #storageId: string
  #groups: Group[] = []
  #incarnation = 0
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
  /** Bytes behind the last group that a crash or a failed write left there. */
  #tail: Buffer = Buffer.alloc(0)
  /** Bits of the image that are not as they were written: at which byte (as a part of the whole), which of its bits. */
  readonly #flips: { readonly at: number; readonly bit: number; byte?: number }[] = []

  constructor(options: DiskOptions) {
    this.#options = options
    this.#storageId = options.chance.id()
    const { cluster, peer } = options
    this.#groups.push({
      records: [{ type: 'identity', cluster, peer, storageId: this.#storageId }],
      bytes: null,
    })
  }

  /** Records that are durable. */
  get durable(): Iterable<LogRecord> {
    return this.#groups.flatMap(({ records }) => records)
  }

  get incarnation(): number {
    return this.#incarnation
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

  /** From now on one bit of the image is not as it was written. */
  flip(): void {
    const { chance } = this.#options
    this.#flips.push({ at: chance.next(), bit: chance.below(8) })
  }

  copy(): Snapshot {
    return { groups: [...this.#groups], incarnation: this.#incarnation }
  }

  /** Only while no process has it open. */
  restore(snapshot: Snapshot): void {
    this.#groups = [...snapshot.groups]
    this.#incarnation = snapshot.incarnation
    this.#tail = Buffer.alloc(0)
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
      bytes: () => (records + this.#groups.length) * RECORD_BYTES,
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
    const image = this.#image()
    this.#damage(image)
    const records = readImage(image, this.#options.peer)
    const recovered = records.filter(({ type }) => type !== 'identity' && type !== 'incarnation')
    // What was read is what is there from now on: an end that was cut off never comes back.
    this.#tail = Buffer.alloc(0)
    this.#failed = undefined
    const earlier = startsOf(records)
    const start: Start = {
      incarnation: 1 + (earlier.at(-1)?.incarnation ?? 0),
      run: this.#options.chance.id(),
    }
    this.#adopt(records)
    this.#incarnation = start.incarnation
    this.#groups.push({ records: [{ type: 'incarnation', ...start }], bytes: null })
    return { ...start, storageId: this.#storageId, earlier, records: recovered }
  }

  /** A tail may have turned out to be a whole group. */
  #adopt(records: readonly LogRecord[]): void {
    const known = this.#groups.reduce((sum, group) => sum + group.records.length, 0)
    if (records.length > known) this.#groups.push({ records: records.slice(known), bytes: null })
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
      this.#groups.push({ records, bytes: null })
      this.#write()
      return { error: undefined }
    }
    const code = this.#armed === 'full' ? 'ENOSPC' : 'EIO'
    this.#options.tally(this.#armed === 'full' ? 'disk full' : 'fsync failed')
    this.#armed = null
    this.#failed = diskError(this.#options.peer, Object.assign(new Error(code), { code }))
    this.#leave(records)
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
    if (this.#writing !== null) this.#leave(this.#writing.flatMap((batch) => batch.records))
    else if (lost > 0) this.#options.tally('unsynced writes lost')
    this.#writing = null
    this.#held = false
    this.#armed = null
  }

  /** A write that did not end: all of it is there, or nothing, or a part. */
  #leave(records: readonly LogRecord[]): void {
    const { chance, tally } = this.#options
    const bytes = encodeGroup(this.#groups.length, encodeRecords(records))
    const fate = chance.below(4)
    if (fate < 2) {
      tally('torn tail')
      this.#tail = torn(bytes, this.#size(), chance)
    } else if (fate === 2) {
      this.#tail = bytes
    } else tally('unsynced writes lost')
  }

  #size(): number {
    return this.#image().length
  }

  #image(): Buffer {
    const parts = this.#groups.map(
      (group, sequence) => (group.bytes ??= encodeGroup(sequence, encodeRecords(group.records))),
    )
    return Buffer.concat([encodeHeader(), ...parts, this.#tail])
  }

  /** The position is fixed by the first look: the image only grows behind it. */
  #damage(image: Buffer): void {
    for (const flip of this.#flips) {
      const at = (flip.byte ??= Math.floor(flip.at * (image.length - this.#tail.length)))
      image[at] = (image[at] as number) ^ (1 << flip.bit)
      this.#options.tally('bit flipped')
    }
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

/** A part of the bytes: cut somewhere, or with some of the disk's sectors not written. `offset`: where they begin. */
function torn(bytes: Buffer, offset: number, chance: Stream): Buffer {
  const sector = 512
  if (chance.chance(0.5) || bytes.length < 2) return bytes.subarray(0, chance.below(bytes.length))
  const part = Buffer.from(bytes)
  const first = Math.floor(offset / sector)
  const last = Math.floor((offset + bytes.length - 1) / sector)
  const missing = first + chance.below(last - first + 1)
  for (let at = first; at <= last; at++) {
    if (at !== missing && chance.chance(0.5)) continue
    part.fill(0, Math.max(0, at * sector - offset), Math.min(bytes.length, (at + 1) * sector - offset))
  }
  return part
}

/** @throws DATA_CORRUPT */
function readImage(image: Buffer, path: string): readonly LogRecord[] {
  const bytes = {
    size: image.length,
    turns: () => false,
    read: (offset: number, length: number) => image.subarray(offset, offset + length),
  }
  const { done, value } = scanLog(bytes, path).next()
  if (done !== true) throw new Error('the log was not read to its end')
  return value.records
}
