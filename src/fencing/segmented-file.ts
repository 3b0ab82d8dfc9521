/**
 * A ledger of numbered lines that only the holder of the newest token can extend: the resource's half of fencing.
 *
 * A file has no compare-and-swap, so each token writes a segment of its own, and a new leader's segment begins with a
 * *seal*: which segment it follows, and how much of it counts. The seal alone decides what is in the ledger. Bytes that
 * an older leader adds behind it change nothing.
 *
 * What makes a confirmed line safe is an order, as in Dekker's algorithm: a new leader first makes its segment visible,
 * then measures the older one; a writer first writes, then looks for a newer segment. If a writer sees none, then whoever
 * comes later measures after that write, and counts the line. If it sees one, the line is not confirmed by that look, but
 * by the seal, or refused.
 */
import { MandateError } from '../errors.ts'
import { decodeSegment, encodeLine, encodeSeal } from './segment-format.ts'
import type { Segment, SegmentLine } from './segment-format.ts'
import { segmentFolder } from './segment-folder.ts'
import type { SegmentFolder, SegmentHandle } from './segment-folder.ts'

export interface SegmentedFileOptions {
  /** `never` survives the death of the process, but not that of the machine. @default 'every-write' */
  readonly sync?: 'every-write' | 'never'
  /** For tests. @default the folder as files */
  readonly segments?: SegmentFolder
}

export interface LedgerLine {
  /** From 1, without gaps over all tokens. */
  readonly number: number
  /** The token of the leader that wrote it. */
  readonly token: bigint
  readonly text: string
}

export interface LedgerContents {
  readonly lines: readonly LedgerLine[]
  /**
   * False: a leader was sealing while this was read, or died while it did, so that lines that nobody confirmed may yet
   * turn out not to count. Every line that was confirmed before the call is there in any case.
   */
  readonly settled: boolean
  /** Whole lines in the files that do not count: written behind a seal. */
  readonly ignored: number
}

export type AppendResult =
  /** Confirmed: in the ledger for good. */
  | { readonly is: 'appended'; readonly number: number }
  /** Not in the ledger, and never will be: `by` is a newer token. */
  | { readonly is: 'refused'; readonly by: bigint }
  /** A newer leader was sealing at that moment: the line may or may not count; `read()` tells later. */
  | { readonly is: 'unknown'; readonly by: bigint }

export interface SegmentWriter {
  readonly token: bigint
  /**
   * Adds one line. After the first answer other than `appended` nothing more is written. Calls are taken in order.
   * @throws INVALID_OPTIONS for a text with a line break or above 64 KiB; LIMIT_EXCEEDED above 1024 waiting calls;
   * CLOSED; what the file system throws, and then again for every later call
   */
  append(text: string): Promise<AppendResult>
  /** Lets go of the file. Idempotent. */
  close(): Promise<void>
}

export interface SegmentedFile {
  /**
   * Seals what older tokens wrote and opens a segment for this one; `refused` if a newer token, or this very one, was
   * here before. Open with the token of a leadership as soon as it is won: from then on older leaders are refused.
   * @throws INVALID_OPTIONS, DATA_CORRUPT, what the file system throws
   */
  open(
    token: bigint,
  ): Promise<
    | { readonly is: 'opened'; readonly writer: SegmentWriter }
    | { readonly is: 'refused'; readonly by: bigint }
  >
  /** @throws INVALID_OPTIONS without the folder; DATA_CORRUPT when a sealed line is gone or damaged; what the file system throws */
  read(): Promise<LedgerContents>
}

const LINE_BYTES_MAX = 64 * 1024
const WAITING_MAX = 1024

/** The ledger in `folder`, which must exist and is not made, on a local file system. One folder is one ledger of one election. */
export function segmentedFile(folder: string, options: SegmentedFileOptions = {}): SegmentedFile {
  const { sync = 'every-write', segments = segmentFolder(folder, sync) } = options
  return {
    open: (token) => openSegment(segments, token),
    read: () => readLedger(segments),
  }
}

async function openSegment(segments: SegmentFolder, token: bigint): ReturnType<SegmentedFile['open']> {
  checkToken(token)
  const present = await newestOf(segments)
  if (present !== undefined && present >= token) return { is: 'refused', by: present }
  // The announcement, before anything is measured.
  const handle = await segments.create(token)
  if (handle === undefined) return { is: 'refused', by: token }
  try {
    const previous = await tip(segments, 'sealing', token)
    const linesBefore = previous === undefined ? 0 : previous.seal.linesBefore + previous.lines.length
    const follows =
      previous === undefined
        ? null
        : { token: previous.seal.token, bytes: previous.end, lines: previous.lines.length }
    const seal = encodeSeal({ token, follows, linesBefore })
    await handle.write(seal, 0)
    const rival = await newestOf(segments)
    if (rival === undefined || rival === token) {
      return { is: 'opened', writer: new Writer(segments, token, handle, seal.length, linesBefore + 1) }
    }
    await handle.close()
    return { is: 'refused', by: rival }
  } catch (error) {
    await handle.close()
    throw error
  }
}

class Writer implements SegmentWriter {
  readonly token: bigint
  readonly #segments: SegmentFolder
  readonly #handle: SegmentHandle
  #position: number
  #number: number
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()
  #sealedBy: bigint | undefined
  #failure: { readonly error: unknown } | undefined
  #closing: Promise<void> | undefined

  constructor(
    segments: SegmentFolder,
    token: bigint,
    handle: SegmentHandle,
    position: number,
    number: number,
  ) {
    this.#segments = segments
    this.token = token
    this.#handle = handle
    this.#position = position
    this.#number = number
  }

  async append(text: string): Promise<AppendResult> {
    checkText(text)
    if (this.#closing !== undefined) {
      throw new MandateError('CLOSED', `the segment of token ${this.token} was closed`, { what: 'segment' })
    }
    if (this.#waiting >= WAITING_MAX) {
      const details = { limit: 'waiting appends', value: this.#waiting + 1, max: WAITING_MAX }
      throw new MandateError('LIMIT_EXCEEDED', `${WAITING_MAX} appends wait already: await them`, details)
    }
    this.#waiting++
    const turn = this.#last.then(() => this.#append(text))
    this.#last = turn.catch(() => undefined)
    try {
      return await turn
    } finally {
      this.#waiting--
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#last.then(() => this.#handle.close()))
  }

  async #append(text: string): Promise<AppendResult> {
    if (this.#failure !== undefined) throw this.#failure.error
    // This look decides nothing; it keeps the lines of a leader that is long deposed out of the file.
    const before = await this.#lookForNewer()
    if (before !== undefined) return { is: 'refused', by: before }
    const number = this.#number
    const bytes = encodeLine(number, text)
    try {
      await this.#handle.write(bytes, this.#position)
    } catch (error) {
      // Some of it may be there, and may be sealed: another text must not be written over it.
      this.#failure = { error }
      throw error
    }
    this.#position += bytes.length
    this.#number++
    const by = await this.#lookForNewer()
    return by === undefined ? { is: 'appended', number } : this.#askTheSeal(number, by)
  }

  /** The answer stays: a segment that was there once is never removed. */
  async #lookForNewer(): Promise<bigint | undefined> {
    if (this.#sealedBy !== undefined) return this.#sealedBy
    const newest = await newestOf(this.#segments)
    if (newest !== undefined && newest > this.token) this.#sealedBy = newest
    return this.#sealedBy
  }

  async #askTheSeal(number: number, by: bigint): Promise<AppendResult> {
    const { lines, settled } = await readLedger(this.#segments)
    if (!settled) return { is: 'unknown', by }
    const counts = lines.some((line) => line.token === this.token && line.number === number)
    return counts ? { is: 'appended', number } : { is: 'refused', by }
  }
}

async function readLedger(segments: SegmentFolder): Promise<LedgerContents> {
  const last = await tip(segments, 'looking')
  const parts: LedgerLine[][] = []
  const counted = new Map<bigint, number>()
  let part = last === undefined ? undefined : { segment: last, lines: last.lines }
  while (part !== undefined) {
    const { token, follows } = part.segment.seal
    parts.unshift(part.lines.map(({ number, text }) => ({ number, token, text })))
    counted.set(token, part.lines.length)
    part = follows === null ? undefined : await readSealed(segments, follows)
  }
  const tokens = await segments.tokens()
  const settled = !tokens.some((token) => last === undefined || token > last.seal.token)
  let ignored = 0
  for (const token of tokens) {
    // The last segment has no seal on it yet: what was added since it was read is no stale line.
    if (token === last?.seal.token) continue
    ignored += (await wholeLines(segments, token)) - (counted.get(token) ?? 0)
  }
  return { lines: parts.flat(), settled, ignored }
}

/** The newest segment whose seal is whole; below a token, if one is given. */
async function tip(
  segments: SegmentFolder,
  purpose: 'looking' | 'sealing',
  below?: bigint,
): Promise<Segment | undefined> {
  const tokens = (await segments.tokens()).filter((token) => below === undefined || token < below)
  for (const token of tokens.toSorted(descending)) {
    const segment = decodeSegment(await segments.read(token, purpose), token)
    if (segment !== undefined) return segment
  }
  return undefined
}

/** Exactly what the seal counted: more may have been written since, less must not be there. */
async function readSealed(
  segments: SegmentFolder,
  { token, bytes, lines: count }: NonNullable<Segment['seal']['follows']>,
): Promise<{ readonly segment: Segment; readonly lines: readonly SegmentLine[] }> {
  const segment = decodeSegment((await segments.read(token, 'looking')).subarray(0, bytes), token)
  if (segment?.end === bytes && segment.lines.length === count) return { segment, lines: segment.lines }
  const file = segments.pathOf(token)
  const reason = `${count} lines in ${bytes} bytes were sealed, ${segment?.lines.length ?? 0} are whole`
  const message = `${file} is damaged: ${reason}; restore it from a copy`
  throw new MandateError('DATA_CORRUPT', message, { file, offset: segment?.end ?? 0, reason })
}

async function wholeLines(segments: SegmentFolder, token: bigint): Promise<number> {
  return decodeSegment(await segments.read(token, 'looking'), token)?.lines.length ?? 0
}

async function newestOf(segments: SegmentFolder): Promise<bigint | undefined> {
  return (await segments.tokens()).toSorted(descending)[0]
}

function descending(a: bigint, b: bigint): number {
  return a > b ? -1 : Number(a < b)
}

function checkToken(token: unknown): void {
  if (typeof token === 'bigint' && token > 0n) return
  const message = `token is ${String(token)}: give a leadership's token, a bigint above 0n`
  throw new MandateError('INVALID_OPTIONS', message, { option: 'token', value: token })
}

function checkText(text: unknown): void {
  const expected = `a text of at most ${LINE_BYTES_MAX} bytes without a line break`
  const fits = typeof text === 'string' && !text.includes('\n') && Buffer.byteLength(text) <= LINE_BYTES_MAX
  if (fits) return
  throw new MandateError('INVALID_OPTIONS', `a line of the ledger is ${expected}`, {
    option: 'text',
    value: text,
    expected,
  })
}
