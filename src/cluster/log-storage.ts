/**
 * The Storage of a peer: one append-only file in a folder of its own. The file's first record says whose it is, and
 * every open adds a record that says how many there were, with a random id of its own.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  existsSync,
  mkdirSync,
  opendirSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { dirname, join, resolve as absolute } from 'node:path'
import { MandateError } from '../errors.ts'
import type { Random } from '../seams/random.ts'
import type { Recovered, Start, Storage } from '../seams/storage.ts'
import { lockFolder, type FolderLock } from './lock-folder.ts'
import { encodeGroup, encodeHeader, encodeRecords } from './log-format.ts'
import { corrupt, readLog, type LogContents } from './log-recovery.ts'
import { diskError, LogWriter } from './log-writer.ts'
import type { LogRecord } from './messages.ts'
import { startsOf } from './recovery.ts'

const FILE_NAME = 'log'

export interface LogStorageOptions {
  /** Made if it does not exist. One folder per peer, never copied. */
  readonly dataDir: string
  readonly cluster: string
  readonly peer: string
  readonly random: Random
  /** Told of a repaired end. */
  report(failure: { readonly during: string; readonly error: unknown }): void
}

export function logStorage(options: LogStorageOptions): Storage<LogRecord> {
  return new LogStorage(options)
}

class LogStorage implements Storage<LogRecord> {
  readonly #options: LogStorageOptions
  readonly #dataDir: string
  #opening: Promise<Recovered<LogRecord>> | undefined
  #lock: FolderLock | undefined
  #fd: number | undefined
  #writer: LogWriter | undefined
  #closing: Promise<void> | undefined

  constructor(options: LogStorageOptions) {
    this.#options = options
    this.#dataDir = absolute(options.dataDir)
  }

  async open(): Promise<Recovered<LogRecord>> {
    if (this.#opening !== undefined || this.#closing !== undefined) throw closedError('opened once already')
    this.#opening = this.#open()
    try {
      return await this.#opening
    } catch (error) {
      await this.#release()
      throw error
    }
  }

  append(batch: readonly LogRecord[], done: (error?: unknown) => void): void {
    if (this.#writer !== undefined && this.#closing === undefined) return this.#writer.append(batch, done)
    queueMicrotask(() => done(closedError(this.#closing === undefined ? 'not open yet' : 'closed')))
  }

  bytes(): number {
    return this.#writer?.bytes ?? 0
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    await this.#release()
  }

  async #release(): Promise<void> {
    await this.#writer?.close()
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    await this.#lock?.release()
  }

  async #open(): Promise<Recovered<LogRecord>> {
    try {
      makeFolder(this.#dataDir)
      this.#lock = await lockFolder(this.#dataDir)
      const path = join(this.#dataDir, FILE_NAME)
      this.#fd = openLog(path) ?? this.#create(path)
      const contents = await readLog(this.#fd, path)
      const storageId = this.#checkIdentity(path, contents)
      if (contents.tornBytes > 0) this.#cutOff(this.#fd, path, contents)
      rewriteLastGroup(this.#fd, contents)
      const earlier = startsOf(contents.records)
      const start: Start = {
        incarnation: 1 + (earlier.at(-1)?.incarnation ?? 0),
        run: this.#options.random.id(),
      }
      const { end: position, sequence, records } = contents
      this.#writer = new LogWriter({ fd: this.#fd, dataDir: this.#dataDir, position, sequence })
      await this.#appendNow({ type: 'incarnation', ...start })
      return { ...start, storageId, earlier, records: records.filter(isCallers) }
    } catch (error) {
      throw diskError(this.#dataDir, error)
    }
  }

  #appendNow(record: LogRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#writer?.append([record], (error) => (error === undefined ? resolve() : reject(error)))
    })
  }

  /** A log appears whole or not at all: an empty file would look like a peer that never voted. */
  #create(path: string): number {
    const { cluster, peer, random } = this.#options
    const identity: LogRecord = { type: 'identity', cluster, peer, storageId: random.id() }
    const draft = `${path}.new`
    const fd = openSync(draft, 'w+', 0o600)
    try {
      writeSync(fd, Buffer.concat([encodeHeader(), encodeGroup(0, encodeRecords([identity]))]))
      fsyncSync(fd)
      renameSync(draft, path)
      syncFolder(this.#dataDir)
      return fd
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  #checkIdentity(path: string, { records, end }: LogContents): string {
    const [first] = records
    if (first?.type !== 'identity')
      throw corrupt(path, end, 'it does not begin with the identity of its peer')
    const { cluster, peer } = this.#options
    if (first.cluster === cluster && first.peer === peer) return first.storageId
    const actual = `peer '${first.peer}' of cluster '${first.cluster}'`
    const expected = `peer '${peer}' of cluster '${cluster}'`
    throw new MandateError(
      'CLUSTER_MISMATCH',
      `${this.#dataDir} holds the data of ${actual}, not of ${expected}; give each peer of each cluster a folder of its own`,
      { expected, actual },
    )
  }

  #cutOff(fd: number, path: string, { end, tornBytes }: LogContents): void {
    ftruncateSync(fd, end)
    fdatasyncSync(fd)
    const reason = `the last write was interrupted and never acknowledged; ${tornBytes} bytes were cut off`
    const error = new MandateError('DATA_CORRUPT', `${path}: ${reason}`, { file: path, offset: end, reason })
    this.#options.report({ during: 'recovery of the log (repaired)', error })
  }
}

/** Folder by folder: `mkdirSync` with `recursive` never returns below a file system that takes none, such as /proc. */
function makeFolder(folder: string): void {
  const missing: string[] = []
  for (let next = folder; !existsSync(next); next = dirname(next)) missing.unshift(next)
  for (const each of missing) {
    try {
      mkdirSync(each, { mode: 0o700 })
    } catch (error) {
      // Another peer may make the same parent at this moment; whatever else stands there is refused below.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    syncFolder(dirname(each))
  }
  // What is no folder is refused here, by its own name.
  opendirSync(folder).closeSync()
}

/** A new name in a folder is durable only once the folder is. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function openLog(path: string): number | undefined {
  try {
    return openSync(path, 'r+')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * After a failed fsync the kernel may show bytes that never reached the disk and count them as written; written again,
 * they reach it with the next fsync. Older groups were followed by a successful one.
 */
function rewriteLastGroup(fd: number, { lastGroup, end }: LogContents): void {
  const bytes = Buffer.alloc(end - lastGroup)
  const read = readSync(fd, bytes, 0, bytes.length, lastGroup)
  writeSync(fd, bytes, 0, read, lastGroup)
}

/** What was appended through the seam, and not by the storage itself. */
function isCallers(record: LogRecord): boolean {
  return record.type !== 'identity' && record.type !== 'incarnation'
}

function closedError(what: string): MandateError<'CLOSED'> {
  return new MandateError('CLOSED', `the log is ${what}`, { what: 'log' })
}
