/** How the values of settings are read; each says what is wrong with a value, and what to write instead. */
import type { Metadata } from '../backends/backend.ts'
import { holdsControl } from './control-characters.ts'
import { formatDuration, parseDuration } from './duration.ts'
import type { Parsed } from './duration.ts'
import { describe, isRecord } from './file-values.ts'

export const duration = { parse: parseDuration, show: formatDuration }

export function oneOf<Value extends string>(name: string, known: readonly Value[]) {
  return {
    parse: (text: string): Parsed<Value> => {
      const value = known.find((candidate) => candidate === text)
      return value === undefined
        ? { ok: false, problem: `'${text}' is no ${name}: write ${known.join(' or ')}` }
        : { ok: true, value }
    },
    show: (value: Value): string => value,
  }
}

export function parseId(text: string): Parsed<string> {
  if (holdsControl(text)) return { ok: false, problem: 'the id holds a control character' }
  const bytes = Buffer.byteLength(text)
  if (bytes < 1 || bytes > 253) return { ok: false, problem: `the id has ${bytes} bytes: write 1 to 253` }
  return { ok: true, value: text }
}

export function parsePriority(value: unknown): Parsed<number> {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { ok: true, value }
  return { ok: false, problem: `${describe(value)} is not a whole number` }
}

export function parseCount(value: unknown): Parsed<number> {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 1 && number <= 1000)
    return { ok: true, value: number }
  return { ok: false, problem: `${describe(value)} is not a whole number from 1 to 1000` }
}

export function parseBoolean(value: unknown): Parsed<boolean> {
  if (value === true || value === 'true' || value === '1') return { ok: true, value: true }
  if (value === false || value === 'false' || value === '0') return { ok: true, value: false }
  return { ok: false, problem: `${describe(value)} is neither true nor false` }
}

/** A variable holds several `k=v`, with commas between them. */
export function parseMetadata(text: string): Parsed<Metadata> {
  return parsePairs(text.split(',').filter((pair) => pair !== ''))
}

/** `k=v` each. A flag is given once a pair, so that a value may hold a comma. */
export function parsePairs(pairs: readonly string[]): Parsed<Metadata> {
  const wrong = pairs.find((pair) => pair.indexOf('=') < 1)
  if (wrong !== undefined) return { ok: false, problem: `'${wrong}' is not k=v` }
  const entries = pairs.map(
    (pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const,
  )
  const twice = entries.find(([key], index) => entries.findIndex(([other]) => other === key) !== index)
  if (twice !== undefined) return { ok: false, problem: `'${twice[0]}' is given twice` }
  return { ok: true, value: Object.fromEntries(entries) }
}

export function readMetadata(value: unknown): Parsed<Metadata> {
  if (!isRecord(value)) return { ok: false, problem: `${describe(value)} is not a map of texts` }
  const wrong = Object.entries(value).find(([, entry]) => typeof entry !== 'string')
  if (wrong !== undefined)
    return { ok: false, problem: `'${wrong[0]}' is ${describe(wrong[1])}: put it in quotes` }
  return { ok: true, value: value as Readonly<Record<string, string>> }
}
