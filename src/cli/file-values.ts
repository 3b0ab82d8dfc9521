/** Values of a configuration file before anybody knows what they are. */

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value in a message: short, and without quotes around what is not text. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  return String(value)
}

/** Names every key that is not known, and those that are. */
export function refuseUnknown(
  record: Record<string, unknown>,
  known: readonly string[],
  prefix: string,
  problems: string[],
): void {
  for (const key of Object.keys(record)) {
    if (!known.includes(key)) problems.push(`there is no key '${prefix}${key}' (known: ${known.join(', ')})`)
  }
}
