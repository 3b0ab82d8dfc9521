/**
 * The log file: a header, then one group per fsync. Only the last group can be incomplete, because the next is written
 * after the fsync of the one before; so a damaged group that is not the torn end of the file is real damage.
 *
 *     header:  'MANDATE\n' | version u32 | crc32 u32
 *     group:   'MLOG' | length u32 | sequence u32 | crc32 of the payload u32 | crc32 of these 16 bytes u32 | payload
 *     payload: records, each: length u32 | type u8 | JSON
 */
import { crc32 } from 'node:zlib'
import { logRecords } from './codec.ts'
import type { LogRecord } from './messages.ts'

const MAGIC = Buffer.from('MANDATE\n')
/** 2: a start has a random run id. */
const VERSION = 2
export const HEADER_BYTES = 16

export const GROUP_MAGIC = Buffer.from('MLOG')
export const GROUP_HEADER_BYTES = 20
const RECORD_HEADER_BYTES = 5
const JSON_RECORD = 1
/** What a disk writes at once: unwritten ones read as zeros after a crash. */
const SECTOR_BYTES = 512

export function encodeHeader(): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  MAGIC.copy(header)
  header.writeUInt32BE(VERSION, 8)
  header.writeUInt32BE(crc32(header.subarray(0, 12)), 12)
  return header
}

/** Why the file cannot be read, or undefined. */
export function headerProblem(bytes: Buffer): string | undefined {
  if (bytes.length < HEADER_BYTES) return 'the file is shorter than its header'
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return 'this is no log of Mandate'
  if (bytes.readUInt32BE(12) !== crc32(bytes.subarray(0, 12))) return 'the header is damaged'
  const version = bytes.readUInt32BE(8)
  return version === VERSION
    ? undefined
    : `the format has version ${version}, this program reads version ${VERSION}`
}

/** In memory of its own, so that it can be handed to the worker thread without a copy. */
export function encodeRecords(records: readonly LogRecord[]): Buffer<ArrayBuffer> {
  const texts = records.map((record) => logRecords.encode(record))
  const bytes = texts.reduce((sum, json) => sum + RECORD_HEADER_BYTES + json.length, 0)
  const payload = Buffer.allocUnsafeSlow(bytes)
  let offset = 0
  for (const json of texts) {
    payload.writeUInt32BE(json.length, offset)
    payload[offset + 4] = JSON_RECORD
    payload.set(json, offset + RECORD_HEADER_BYTES)
    offset += RECORD_HEADER_BYTES + json.length
  }
  return payload
}

/** Throws for anything that this version did not write. */
export function decodeRecords(payload: Buffer): LogRecord[] {
  const records: LogRecord[] = []
  let offset = 0
  while (offset < payload.length) {
    const length = payload.length - offset < RECORD_HEADER_BYTES ? Infinity : payload.readUInt32BE(offset)
    const start = offset + RECORD_HEADER_BYTES
    if (start + length > payload.length) throw new RangeError('a record exceeds its group')
    if (payload[offset + 4] !== JSON_RECORD)
      throw new RangeError(`unknown record type ${payload[offset + 4]}`)
    offset = start + length
    records.push(logRecords.decode(payload.subarray(start, offset)))
  }
  return records
}

/** The worker thread frames groups itself, in `log-worker.js`; this is for the first group of a new file. */
export function encodeGroup(sequence: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(GROUP_HEADER_BYTES)
  GROUP_MAGIC.copy(head)
  head.writeUInt32BE(payload.length, 4)
  head.writeUInt32BE(sequence, 8)
  head.writeUInt32BE(crc32(payload), 12)
  head.writeUInt32BE(crc32(head.subarray(0, 16)), 16)
  return Buffer.concat([head, payload])
}

export interface GroupHeader {
  readonly length: number
  readonly sequence: number
  readonly payloadCrc: number
}

/** Undefined if these bytes are no intact header. */
export function readGroupHeader(bytes: Buffer): GroupHeader | undefined {
  if (bytes.length < GROUP_HEADER_BYTES || !bytes.subarray(0, 4).equals(GROUP_MAGIC)) return undefined
  if (bytes.readUInt32BE(16) !== crc32(bytes.subarray(0, 16))) return undefined
  return {
    length: bytes.readUInt32BE(4),
    sequence: bytes.readUInt32BE(8),
    payloadCrc: bytes.readUInt32BE(12),
  }
}

/**
 * Whether one of the disk's sectors in these bytes, which start at `offset` of the file, reads as zeros: the mark of a
 * write that the crash interrupted. No group has such a part: its magic, its text and its end are never zero.
 */
export function hasZeroSector(bytes: Buffer, offset: number): boolean {
  let start = 0
  while (start < bytes.length) {
    const end = Math.min(bytes.length, start + SECTOR_BYTES - ((offset + start) % SECTOR_BYTES))
    if (bytes.subarray(start, end).every((byte) => byte === 0)) return true
    start = end
  }
  return false
}
