/**
 * Reads a log back. An incomplete end that was never acknowledged is cut off; anything else that is not as it was
 * written stops the peer, because a vote that cannot be read must never become "no vote".
 */
import { fstatSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { MandateError } from '../errors.ts'
import {
  decodeRecords,
  GROUP_HEADER_BYTES,
  GROUP_MAGIC,
  hasZeroSector,
  HEADER_BYTES,
  headerProblem,
  readGroupHeader,
  type GroupHeader,
} from './log-format.ts'
import type { LogRecord } from './messages.ts'

const WINDOW_BYTES = 1024 * 1024
const TORN = 'an incomplete write'

export interface LogContents {
  readonly records: readonly LogRecord[]
  /** Where the last intact group begins. */
  readonly lastGroup: number
  /** Where the intact part ends. */
  readonly end: number
  /** Number of the next group. */
  readonly sequence: number
  /** Bytes of an incomplete write behind `end`. */
  readonly tornBytes: number
}

/** @throws DATA_CORRUPT */
export async function readLog(fd: number, path: string): Promise<LogContents> {
  const scan = scanLog(new FileWindow(fd, fstatSync(fd).size), path)
  for (;;) {
    const { done, value } = scan.next()
    if (done === true) return value
    await setImmediate()
  }
}

/** The bytes of a log. */
export interface LogBytes {
  readonly size: number
  /** Whether reading at `offset` will ask the disk. */
  turns(offset: number): boolean
  /** Fewer bytes only at the end of the file. Valid until the next call that asks the disk. */
  read(offset: number, length: number): Buffer
}

/** Yields before each read that may take its time. @throws DATA_CORRUPT */
export function* scanLog(file: LogBytes, path: string): Generator<void, LogContents, void> {
  const { size } = file
  const records: LogRecord[] = []
  let offset = HEADER_BYTES
  let lastGroup = offset
  let sequence = 0

  const problem = headerProblem(file.read(0, HEADER_BYTES))
  if (problem !== undefined) throw corrupt(path, 0, problem)

  while (offset < size) {
    if (file.turns(offset)) yield
    const header = readGroupHeader(file.read(offset, GROUP_HEADER_BYTES))
    const problemHere = groupProblem(file, offset, sequence, header)
    if (problemHere === TORN) break
    if (problemHere !== undefined) throw corrupt(path, offset, problemHere)
    const length = (header as GroupHeader).length
    const payload = file.read(offset + GROUP_HEADER_BYTES, length)
    try {
      for (const record of decodeRecords(payload)) records.push(record)
    } catch (error) {
      throw corrupt(path, offset, 'the records are intact, but not of a kind that this version knows', error)
    }
    lastGroup = offset
    offset += GROUP_HEADER_BYTES + length
    sequence += 1
  }
  return { records, lastGroup, end: offset, sequence, tornBytes: size - offset }
}

/** `TORN`, or what is wrong with the group; undefined if it is intact. */
function groupProblem(
  file: LogBytes,
  offset: number,
  sequence: number,
  header: GroupHeader | undefined,
): string | undefined {
  if (header === undefined) {
    if (file.size - offset < GROUP_HEADER_BYTES) return TORN
    const rest = file.read(offset, file.size - offset)
    const interrupted = hasZeroSector(rest, offset) && !holdsGroup(rest.subarray(1), sequence)
    return interrupted ? TORN : 'the head of a record group is damaged'
  }
  if (header.sequence !== sequence)
    return `record group ${header.sequence} stands in the place of number ${sequence}`
  const start = offset + GROUP_HEADER_BYTES
  const end = start + header.length
  if (end > file.size) return TORN
  const payload = file.read(start, header.length)
  if (crc32(payload) === header.payloadCrc) return undefined
  return end === file.size && hasZeroSector(payload, start) ? TORN : 'the checksum of a record group differs'
}

/** Whether an intact later group follows: then what is before it was acknowledged once. */
function holdsGroup(bytes: Buffer, after: number): boolean {
  for (let at = bytes.indexOf(GROUP_MAGIC); at !== -1; at = bytes.indexOf(GROUP_MAGIC, at + 1)) {
    const header = readGroupHeader(bytes.subarray(at, at + GROUP_HEADER_BYTES))
    if (header === undefined || header.sequence <= after) continue
    const payload = bytes.subarray(at + GROUP_HEADER_BYTES, at + GROUP_HEADER_BYTES + header.length)
    if (payload.length === header.length && crc32(payload) === header.payloadCrc) return true
  }
  return false
}

export function corrupt(
  file: string,
  offset: number,
  reason: string,
  cause?: unknown,
): MandateError<'DATA_CORRUPT'> {
  return new MandateError(
    'DATA_CORRUPT',
    `${file} is damaged at byte ${offset}: ${reason}. This peer must not vote with it, and must not start empty ` +
      'under its id, because it may have voted. The other peers serve on while they are a majority; check the disk, ' +
      'keep the file, and see docs/errors.md',
    { file, offset, reason },
    { cause },
  )
}

/** Reads a file front to back with few system calls and little memory. */
class FileWindow implements LogBytes {
  readonly size: number
  readonly #fd: number
  #start = 0
  #bytes: Buffer = Buffer.alloc(0)

  constructor(fd: number, size: number) {
    this.#fd = fd
    this.size = size
  }

  turns(offset: number): boolean {
    return offset + GROUP_HEADER_BYTES > this.#start + this.#bytes.length
  }

  read(offset: number, length: number): Buffer {
    const end = Math.min(offset + length, this.size)
    if (offset < this.#start || end > this.#start + this.#bytes.length) this.#load(offset, end - offset)
    return this.#bytes.subarray(offset - this.#start, end - this.#start)
  }

  #load(offset: number, atLeast: number): void {
    const bytes = Buffer.allocUnsafe(Math.min(Math.max(atLeast, WINDOW_BYTES), this.size - offset))
    let filled = 0
    while (filled < bytes.length) {
      const read = readSync(this.#fd, bytes, filled, bytes.length - filled, offset + filled)
      if (read === 0) break
      filled += read
    }
    this.#start = offset
    this.#bytes = bytes.subarray(0, filled)
  }
}
