/**
 * JSON with integers above 2^53. Consul's lock flag is one (3304740253564472344), and `JSON.parse` rounds it: two
 * different flags then compare equal, and a rounded one that is sent back locks every Go peer out (consul#9951).
 */
import { MandateError } from '../../errors.ts'

/** A string, so that nothing inside one is taken for a number, or a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs

/** Every integer up to 15 digits fits a double exactly. */
const EXACT_DIGITS = 15

/**
 * As `JSON.parse`, but an integer of 16 digits or more comes as its text. Read both kinds with `bigintOf`.
 * @throws PROTOCOL_ERROR for what is no JSON, such as the page of a proxy
 */
export function parseExact(text: string): unknown {
  const exact = text.replace(TOKEN, (token) =>
    /^-?\d+$/.test(token) && token.length > EXACT_DIGITS ? `"${token}"` : token,
  )
  try {
    return JSON.parse(exact)
  } catch (cause) {
    const reason = `it is no JSON: ${JSON.stringify(text.slice(0, 80))}`
    throw new MandateError(
      'PROTOCOL_ERROR',
      `Consul's answer cannot be used: ${reason}`,
      { reason },
      { cause },
    )
  }
}

/** Undefined for what is no integer of 0 or more. */
export function bigintOf(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : undefined
  return typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : undefined
}

/** JSON text of plain data in which a bigint is written as its digits. */
export function stringifyExact(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return `[${value.map(stringifyExact).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined)
    return `{${entries.map(([key, field]) => `${JSON.stringify(key)}:${stringifyExact(field)}`).join(',')}}`
  }
  return JSON.stringify(value)
}
