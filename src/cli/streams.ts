/**
 * What a command writes: stdout for answers, stderr for everything else.
 *
 * `process.stdout` and `process.stderr` are not used by `run`: opening a pipe in them makes it non-blocking for every
 * process that shares it, and the wrapped command shares both.
 */
import { writeSync } from 'node:fs'
import { MandateError } from '../errors.ts'

/**
 * Writes all of a text to a descriptor; a reader that went away stops it early.
 * @throws DISK_FULL when stdout is a file that takes no more: an answer that is not there must not end with 0
 */
export function writeFully(descriptor: number, text: string): 'written' | 'closed' {
  const bytes = Buffer.from(text)
  let offset = 0
  for (let stalls = 0; offset < bytes.length;) {
    try {
      offset += writeSync(descriptor, bytes, offset)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? ''
      if (descriptor === 1 && ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code)) throw noRoom(code, error)
      if (code !== 'EAGAIN') return 'closed'
      // Somebody else made the pipe non-blocking and it is full. A reader that never reads must not hang us.
      if (stalls++ > 2000) return 'closed'
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
  return 'written'
}

function noRoom(code: string, cause: unknown): MandateError<'DISK_FULL'> {
  const message = `the answer could not be written to stdout (${code})`
  return new MandateError('DISK_FULL', message, { dataDir: 'stdout' }, { cause })
}

export const printError = (text: string): void => void writeFully(2, `${text}\n`)

export const print = (text: string): 'written' | 'closed' => writeFully(1, `${text}\n`)

/** One machine-readable object: INTERFACES §3. */
export function printJson(command: string, version: string, fields: object): 'written' | 'closed' {
  return print(JSON.stringify({ schemaVersion: 1, command, version, ...fields }))
}
