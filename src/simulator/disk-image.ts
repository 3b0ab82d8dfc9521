/**
 * What is on the disk of one peer. It is kept as groups of records, and turned into the bytes of the real log format when a
 * process starts on it: so what a crash tore, or a bit that flipped, meets the code that reads real logs.
 */
import { encodeGroup, encodeHeader, encodeRecords } from '../cluster/log-format.ts'
import { scanLog } from '../cluster/log-recovery.ts'
import type { LogRecord } from '../cluster/messages.ts'
import { startsOf } from '../cluster/recovery.ts'
import type { Recovered, Start } from '../seams/storage.ts'
import type { Tally } from './route.ts'
import type { Stream } from './streams.ts'

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

interface ImageOptions {
  readonly chance: Stream
  readonly tally: Tally
  readonly peer: string
  readonly cluster: string
}

export class DiskImage {
  readonly #options: ImageOptions
  readonly #storageId: string
  #groups: Group[]
  #incarnation = 0
  /** Bytes behind the last group that a crash or a failed write left there. */
  #tail: Buffer = Buffer.alloc(0)
  /** Bits that are not as they were written: at which byte (as a part of the whole), which of its bits. */
  readonly #flips: { readonly at: number; readonly bit: number; byte?: number }[] = []

  constructor(options: ImageOptions) {
    this.#options = options
    const { chance, cluster, peer } = options
    this.#storageId = chance.id()
    this.#groups = [
      { records: [{ type: 'identity', cluster, peer, storageId: this.#storageId }], bytes: null },
    ]
  }

  /** That are durable. */
  get records(): Iterable<LogRecord> {
    return this.#groups.flatMap(({ records }) => records)
  }

  get groups(): number {
    return this.#groups.length
  }

  get incarnation(): number {
    return this.#incarnation
  }

  add(records: readonly LogRecord[]): void {
    this.#groups.push({ records, bytes: null })
  }

  flip(): void {
    const { chance } = this.#options
    this.#flips.push({ at: chance.next(), bit: chance.below(8) })
  }

  copy(): Snapshot {
    return { groups: [...this.#groups], incarnation: this.#incarnation }
  }

  restore(snapshot: Snapshot): void {
    this.#groups = [...snapshot.groups]
    this.#incarnation = snapshot.incarnation
    this.#tail = Buffer.alloc(0)
  }

  /** As a process that starts finds it, by a number of its own. @throws DATA_CORRUPT */
  recover(): Recovered<LogRecord> {
    const bytes = this.#bytes()
    this.#damage(bytes)
    const records = readImage(bytes, this.#options.peer)
    const recovered = records.filter(({ type }) => type !== 'identity' && type !== 'incarnation')
    // What was read is what is there from now on: an end that was cut off never comes back.
    this.#tail = Buffer.alloc(0)
    const earlier = startsOf(records)
    const start: Start = {
      incarnation: 1 + (earlier.at(-1)?.incarnation ?? 0),
      run: this.#options.chance.id(),
    }
    this.#adopt(records)
    this.#incarnation = start.incarnation
    this.add([{ type: 'incarnation', ...start }])
    return { ...start, storageId: this.#storageId, earlier, records: recovered }
  }

  /** A tail may have turned out to be a whole group. */
  #adopt(records: readonly LogRecord[]): void {
    const known = this.#groups.reduce((sum, group) => sum + group.records.length, 0)
    if (records.length > known) this.add(records.slice(known))
  }

  /** A write that did not end: all of it is there, or nothing, or a part. */
  leave(records: readonly LogRecord[]): void {
    const { chance, tally } = this.#options
    const bytes = encodeGroup(this.#groups.length, encodeRecords(records))
    const fate = chance.below(4)
    if (fate < 2) {
      tally('torn tail')
      this.#tail = torn(bytes, this.#bytes().length, chance)
    } else if (fate === 2) {
      this.#tail = bytes
    } else tally('unsynced writes lost')
  }

  #bytes(): Buffer {
    const parts = this.#groups.map(
      (group, sequence) => (group.bytes ??= encodeGroup(sequence, encodeRecords(group.records))),
    )
    return Buffer.concat([encodeHeader(), ...parts, this.#tail])
  }

  /** The position is fixed by the first look: what is there only grows behind it. */
  #damage(bytes: Buffer): void {
    for (const flip of this.#flips) {
      const at = (flip.byte ??= Math.floor(flip.at * (bytes.length - this.#tail.length)))
      bytes[at] = (bytes[at] as number) ^ (1 << flip.bit)
      this.#options.tally('bit flipped')
    }
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
