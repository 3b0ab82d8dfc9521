/** This side of the thread that writes the log: hands batches over, calls back in order. */
import { Worker } from 'node:worker_threads'
import { isMandateError, MandateError } from '../errors.ts'
import type { LogRecord } from './messages.ts'
import { encodeRecords } from './log-format.ts'

export interface LogWriterOptions {
  /** Open for writing; stays the caller's. */
  readonly fd: number
  /** For messages only. */
  readonly dataDir: string
  /** Where the next group begins. */
  readonly position: number
  /** Number of the next group. */
  readonly sequence: number
}

/** What `log-worker.js` posts. */
interface Written {
  readonly batches: number
  readonly bytes: number
  readonly error?: { readonly code: string; readonly message: string }
}

type Done = (error?: unknown) => void

export class LogWriter {
  readonly #dataDir: string
  readonly #worker: Worker
  readonly #waiting: Done[] = []
  readonly #exited: Promise<void>
  #bytes: number
  /** Set once and for ever: what stopped the log. */
  #stopped: unknown

  constructor({ fd, dataDir, position, sequence }: LogWriterOptions) {
    this.#dataDir = dataDir
    this.#bytes = position
    this.#worker = new Worker(new URL('./log-worker.js', import.meta.url), {
      name: 'mandate-log',
      workerData: { fd, position, sequence },
      // None of the application's loaders and hooks: this thread writes and syncs.
      execArgv: [],
      env: {},
    })
    this.#worker.on('message', (written: Written) => this.#written(written))
    this.#worker.on('error', (error) => this.#died(error))
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#died(new Error('the thread ended'))
        resolve()
      })
    })
  }

  get bytes(): number {
    return this.#bytes
  }

  append(records: readonly LogRecord[], done: Done): void {
    if (this.#stopped !== undefined) {
      const error = this.#stopped
      queueMicrotask(() => done(error))
      return
    }
    const batch = encodeRecords(records)
    this.#waiting.push(done)
    this.#worker.postMessage(batch, [batch.buffer])
  }

  /** After everything that was appended is on disk, or failed. */
  async close(): Promise<void> {
    if (this.#stopped === undefined || this.#waiting.length > 0) this.#worker.postMessage(null)
    else await this.#worker.terminate()
    await this.#exited
  }

  #written({ batches, bytes, error }: Written): void {
    this.#bytes = bytes
    if (error !== undefined) this.#stopped ??= diskError(this.#dataDir, error)
    for (const done of this.#waiting.splice(0, batches)) done(this.#stopped)
  }

  #died(error: Error): void {
    this.#stopped ??= diskError(this.#dataDir, error)
    for (const done of this.#waiting.splice(0)) done(this.#stopped)
  }
}

/** Errors of a folder that was chosen wrongly: nothing is broken, and no defect. */
const wrongFolder = ['EACCES', 'EEXIST', 'ELOOP', 'ENAMETOOLONG', 'ENOENT', 'ENOTDIR', 'EPERM', 'EROFS']

/** What an error of the file system means to whoever runs this peer; an error of ours stays as it is. */
export function diskError(dataDir: string, error: unknown): unknown {
  if (isMandateError(error)) return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new MandateError(
      'DISK_FULL',
      `no room for the log in ${dataDir} (${code}); make room and start this peer again`,
      { dataDir },
      { cause: error },
    )
  }
  if (code !== undefined && wrongFolder.includes(code)) {
    const expected = 'a folder that this user may make and write'
    return new MandateError(
      'INVALID_OPTIONS',
      `the data folder ${dataDir} cannot be used (${message}); give ${expected}`,
      { option: 'dataDir', value: dataDir, expected },
      { cause: error },
    )
  }
  const reason = `the log in ${dataDir} cannot be used (${message}); check the disk and the rights of the folder`
  return new MandateError('INTERNAL', reason, { reason }, { cause: error })
}
