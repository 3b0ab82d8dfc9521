/**
 * A file that a long sweep can be gone on with from: a line of totals now and then, each of everything so far. The last
 * whole line counts, so a crash costs at most what came after it.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import { MandateError } from '../../errors.ts'
import type { Totals } from './totals.ts'

export interface RecordLine {
  readonly schemaVersion: 1
  /** What the totals depend on; another sweep must not be added to them. */
  readonly parameters: Readonly<Record<string, unknown>>
  readonly firstSeed: string
  readonly nextSeed: string
  readonly totals: Totals
  /** Of all runs of the command so far. */
  readonly wallMs: number
  /** Unix ms. */
  readonly at: number
}

/** Null if there is no such file, or no whole line in it. @throws INVALID_OPTIONS */
export function lastRecord(path: string, parameters: RecordLine['parameters']): RecordLine | null {
  if (!existsSync(path)) return null
  const text = readFileSync(path, 'utf8')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  // A line that was being written when the machine died must not become the beginning of the next.
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole))
  const last = whole.trimEnd().split('\n').at(-1) ?? ''
  if (last === '') return null
  const line = parsed(path, last)
  const [was, is] = [JSON.stringify(line.parameters), JSON.stringify(parameters)]
  if (was === is) return line
  throw refusal(path, `it was recorded with ${was}, and this run has ${is}; name another file`)
}

export function addRecord(path: string, line: RecordLine): void {
  appendFileSync(path, `${JSON.stringify(line)}\n`)
}

function parsed(path: string, text: string): RecordLine {
  try {
    const line = JSON.parse(text) as Partial<RecordLine>
    if (line.schemaVersion === 1 && line.totals !== undefined && typeof line.nextSeed === 'string') {
      return line as RecordLine
    }
  } catch {
    // Told below.
  }
  throw refusal(path, 'its last line is no record of a simulation; name another file')
}

function refusal(path: string, problem: string): MandateError<'INVALID_OPTIONS'> {
  return new MandateError('INVALID_OPTIONS', `--record ${path}: ${problem}`, {
    option: 'record',
    value: path,
  })
}
