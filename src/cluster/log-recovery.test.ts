import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isMandateError } from '../errors.ts'
import { encodeGroup, encodeHeader, encodeRecords, hasZeroSector, HEADER_BYTES } from './log-format.ts'
import { readLog, type LogContents } from './log-recovery.ts'
import type { LogRecord } from './messages.ts'

const groups: readonly (readonly LogRecord[])[] = [
  [{ type: 'identity', cluster: 'test', peer: 'a', storageId: 'disk' }],
  [{ type: 'incarnation', incarnation: 1, run: 'r1' }],
  [{ type: 'hard-state', term: 7, votedFor: 'b' }],
  [
    { type: 'entries', entries: [{ index: 1, term: 7, data: null }] },
    { type: 'withdrawal', session: 'session of b', epoch: 2 },
  ],
  [{ type: 'hard-state', term: 8, votedFor: null }],
]
const encoded = groups.map((group, sequence) => encodeGroup(sequence, encodeRecords(group)))
const log = Buffer.concat([encodeHeader(), ...encoded])
/** Where each group ends. */
const ends = encoded.reduce<number[]>(
  (list, bytes) => [...list, (list.at(-1) ?? HEADER_BYTES) + bytes.length],
  [],
)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-log-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function readBack(bytes: Buffer): Promise<LogContents> {
  const path = join(folder, 'log')
  writeFileSync(path, bytes)
  const fd = openSync(path, 'r')
  try {
    return await readLog(fd, path)
  } finally {
    closeSync(fd)
  }
}

/** What is recovered, or `corrupt at <offset>`. */
async function outcome(bytes: Buffer): Promise<readonly LogRecord[] | string> {
  try {
    return (await readBack(bytes)).records
  } catch (error) {
    if (!isMandateError(error, 'DATA_CORRUPT')) throw error
    return `corrupt at ${error.details.offset}`
  }
}

const upTo = (count: number): readonly LogRecord[] => groups.slice(0, count).flat()

describe('readLog', () => {
  it('gives back what was written', async () => {
    expect(await readBack(log)).toEqual({
      records: upTo(5),
      lastGroup: ends[3],
      end: log.length,
      sequence: 5,
      tornBytes: 0,
    })
  })

  it('recovers, from a file cut at any byte, every group that lies before the cut', async () => {
    for (let length = HEADER_BYTES; length < log.length; length += 1) {
      const whole = ends.filter((end) => end <= length).length
      const contents = await readBack(log.subarray(0, length))
      expect(contents.records, `cut at ${length}`).toEqual(upTo(whole))
      expect(contents.end + contents.tornBytes).toBe(length)
    }
  })

  it('refuses a file shorter than its header, an empty one too', async () => {
    for (let length = 0; length < HEADER_BYTES; length += 1) {
      expect(await outcome(log.subarray(0, length))).toBe('corrupt at 0')
    }
  })

  it('refuses the log for every single flipped bit, also in its last record, and names the group', async () => {
    const starts = [0, HEADER_BYTES, ...ends]
    for (let bit = 0; bit < log.length * 8; bit += 3) {
      const at = bit >> 3
      const flipped = Buffer.from(log)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7))
      const group = starts.findLast((start) => start <= at)
      expect(await outcome(flipped), `bit ${bit}`).toBe(`corrupt at ${group}`)
    }
  })

  /** A log whose last group spans several sectors, as a batch of entries does. */
  const large = encodeGroup(
    5,
    encodeRecords([
      { type: 'withdrawal', session: 'x'.repeat(250), epoch: 1 },
      ...Array.from({ length: 30 }, (): LogRecord => ({
        type: 'withdrawal',
        session: 'y'.repeat(200),
        epoch: 1,
      })),
    ]),
  )
  const withLarge = Buffer.concat([log, large])
  const zeroed = (bytes: Buffer, from: number, to: number): Buffer => Buffer.from(bytes).fill(0, from, to)
  const sectorAfter = (offset: number): number => Math.ceil(offset / 512) * 512

  it('cuts off a last group of which the disk did not write some sectors', async () => {
    const first = sectorAfter(log.length)
    const holes: [number, number][] = [
      [log.length, withLarge.length],
      [log.length, first],
      [first, first + 512],
      [first + 1024, withLarge.length],
      [sectorAfter(withLarge.length) - 512, withLarge.length],
    ]
    for (const [from, to] of holes) {
      const contents = await readBack(zeroed(withLarge, from, to))
      expect(contents.records, `hole ${from} to ${to}`).toEqual(upTo(5))
      expect(contents.end).toBe(log.length)
    }
  })

  it('refuses a missing sector that an intact group follows: it was acknowledged once', async () => {
    const followed = Buffer.concat([
      withLarge,
      encodeGroup(6, encodeRecords([{ type: 'incarnation', incarnation: 2, run: 'r2' }])),
    ])
    const first = sectorAfter(log.length)
    expect(await outcome(zeroed(followed, first, first + 512))).toBe(`corrupt at ${log.length}`)
    expect(await outcome(zeroed(followed, log.length, first))).toBe(`corrupt at ${log.length}`)
  })

  it('refuses a log of an earlier version, whose starts have no run id, and says so', async () => {
    const older = Buffer.from(log)
    older.writeUInt32BE(1, 8)
    older.writeUInt32BE(crc32(older.subarray(0, 12)), 12)
    await expect(readBack(older)).rejects.toMatchObject({
      code: 'DATA_CORRUPT',
      message: expect.stringContaining('the format has version 1, this program reads version 2'),
    })
    const nameless = encodeRecords([{ type: 'incarnation', incarnation: 2 } as LogRecord])
    const mixed = Buffer.concat([log, encodeGroup(encoded.length, nameless)])
    await expect(readBack(mixed)).rejects.toMatchObject({
      code: 'DATA_CORRUPT',
      message: expect.stringContaining('not of a kind that this version knows'),
    })
  })

  it('refuses groups that are missing or stand twice', async () => {
    const [a, b, c] = encoded as [Buffer, Buffer, Buffer]
    expect(await outcome(Buffer.concat([encodeHeader(), a, c]))).toBe(`corrupt at ${ends[0]}`)
    expect(await outcome(Buffer.concat([encodeHeader(), a, b, b]))).toBe(`corrupt at ${ends[1]}`)
  })

  it('refuses other files and other versions with the reason', async () => {
    await expect(readBack(Buffer.from('#!/bin/sh\necho hello world'))).rejects.toThrow(
      'this is no log of Mandate',
    )
    const unknown = Buffer.concat([encodeHeader(), encodeGroup(0, Buffer.from([0, 0, 0, 2, 9, 123, 125]))])
    await expect(readBack(unknown)).rejects.toThrow('not of a kind that this version knows')
  })

  it('reads a log of many windows', async () => {
    const record = (epoch: number): LogRecord => ({ type: 'withdrawal', session: 's'.repeat(290), epoch })
    const many = Array.from({ length: 10_000 }, (_, i) => encodeGroup(i, encodeRecords([record(i)])))
    const contents = await readBack(Buffer.concat([encodeHeader(), ...many]))
    expect(contents.records).toHaveLength(10_000)
    expect(contents.records[9_999]).toEqual(record(9_999))
  })
})

describe('hasZeroSector', () => {
  it('looks at sectors of the file, not of the buffer', () => {
    const bytes = Buffer.alloc(1024, 1).fill(0, 100, 612)
    expect(hasZeroSector(bytes, 412)).toBe(true)
    expect(hasZeroSector(bytes, 0)).toBe(false)
  })
})
