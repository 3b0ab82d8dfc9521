/**
 * JSON with integers above 2^53. Consul's lock flag is one (3304740253564472344), and `JSON.parse` rounds it: two
 * different flags then compare equal, and a rounded one that is sent back locks every Go peer out (consul#9951).
 */

/** A string, so that nothing inside one is taken for a number, or a number. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs

/** Every integer up to 15 digits fits a double exactly. */
const EXACT_DIGITS = 15

/** As `JSON.parse`, but an integer of 16 digits or more comes as its text. Read both kinds with `bigintOf`. */
export function parseExact(text: string): unknown {
  return JSON.parse(
    text.replace(TOKEN, (token) =>
      /^-?\d+$/.test(token) && token.length > EXACT_DIGITS ? `"${token}"` : token,
    ),
  )
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
