/**
 * The bytes of one segment: a seal, then numbered lines.
 *
 * Each line is `crc text\n`, the CRC-32 of the text in eight hex digits, so that a line that was cut off by a crash, or
 * whose block never reached the disk, is told from a whole one.
 */
import { crc32 } from 'node:zlib'

/** What a segment says about everything before it. Whoever reads the ledger believes this and nothing else. */
export interface Seal {
  readonly token: bigint
  /** The segment that this one follows, and how much of it counts; null for the first. */
  readonly follows: { readonly token: bigint; readonly bytes: number; readonly lines: number } | null
  /** How many lines count in all older segments together. */
  readonly linesBefore: number
}

export interface SegmentLine {
  readonly number: number
  readonly text: string
  /** Where the line ends in the file, in bytes. */
  readonly end: number
}

export interface Segment {
  readonly seal: Seal
  /** Whole lines up to the first one that is not. */
  readonly lines: readonly SegmentLine[]
  /** Where the last whole line ends, or the seal if there is none, in bytes. */
  readonly end: number
}

const NEWLINE = 0x0a
const CRC_DIGITS = 8
const SEAL_FORMAT = 'mandate-segment-1'

export function encodeSeal({ token, follows, linesBefore }: Seal): Buffer {
  const previous = follows === null ? null : { ...follows, token: follows.token.toString() }
  return frame(
    JSON.stringify({ format: SEAL_FORMAT, token: token.toString(), follows: previous, linesBefore }),
  )
}

export function encodeLine(number: number, text: string): Buffer {
  return frame(`${number} ${text}`)
}

/** Undefined while the seal is not whole: its owner has announced itself, or died while it sealed. */
export function decodeSegment(bytes: Buffer, token: bigint): Segment | undefined {
  const first = unframe(bytes, 0)
  const seal = first === undefined ? undefined : decodeSeal(first.text)
  if (first === undefined || seal?.token !== token) return undefined
  const lines: SegmentLine[] = []
  let end = first.end
  for (let next = unframe(bytes, end); next !== undefined; next = unframe(bytes, end)) {
    const match = /^(\d+) ([^]*)$/.exec(next.text)
    if (match === null) break
    end = next.end
    lines.push({ number: Number(match[1]), text: match[2] ?? '', end })
  }
  return { seal, lines, end }
}

function frame(text: string): Buffer {
  const sum = crc32(text).toString(16).padStart(CRC_DIGITS, '0')
  return Buffer.from(`${sum} ${text}\n`)
}

function unframe(bytes: Buffer, start: number): { readonly text: string; readonly end: number } | undefined {
  const newline = bytes.indexOf(NEWLINE, start)
  if (newline < start + CRC_DIGITS + 1) return undefined
  const sum = bytes.toString('latin1', start, start + CRC_DIGITS)
  const body = bytes.subarray(start + CRC_DIGITS + 1, newline)
  if (!/^[0-9a-f]{8}$/.test(sum) || Number.parseInt(sum, 16) !== crc32(body)) return undefined
  return { text: body.toString('utf8'), end: newline + 1 }
}

/** The checksum was right, so whoever wrote this knew the format; another format is not ours to read. */
function decodeSeal(text: string): Seal | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { format, token, follows, linesBefore } = value as {
    readonly format?: unknown
    readonly token: string
    readonly follows: { readonly token: string; readonly bytes: number; readonly lines: number } | null
    readonly linesBefore: number
  }
  if (format !== SEAL_FORMAT) return undefined
  return {
    token: BigInt(token),
    follows: follows === null ? null : { ...follows, token: BigInt(follows.token) },
    linesBefore,
  }
}
