/**
 * What a command writes: stdout for answers, stderr for everything else.
 *
 * `process.stdout` and `process.stderr` are not used by `run`: opening a pipe in them makes it non-blocking for every
 * process that shares it, and the wrapped command shares both.
 */
import { writeSync } from 'node:fs'

/** Writes all of a text to a descriptor; a reader that went away is the only thing that stops it early. */
export function writeFully(descriptor: number, text: string): 'written' | 'closed' {
  const bytes = Buffer.from(text)
  let offset = 0
  for (let stalls = 0; offset < bytes.length;) {
    try {
      offset += writeSync(descriptor, bytes, offset)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return 'closed'
      // Somebody else made the pipe non-blocking and it is full. A reader that never reads must not hang us.
      if (stalls++ > 2000) return 'closed'
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
  return 'written'
}

export const printError = (text: string): void => void writeFully(2, `${text}\n`)

export const print = (text: string): 'written' | 'closed' => writeFully(1, `${text}\n`)

/** One machine-readable object: INTERFACES §3. */
export function printJson(command: string, version: string, fields: object): 'written' | 'closed' {
  return print(JSON.stringify({ schemaVersion: 1, command, version, ...fields }))
}
