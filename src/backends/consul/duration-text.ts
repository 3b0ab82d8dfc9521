/**
 * Durations as Consul writes them (Go's `time.ParseDuration`). Always sent with a unit: a bare number below 1000 would
 * mean seconds in one field and nanoseconds in another.
 */

/** `1500` → `1500ms`. */
export function durationText(ms: number): string {
  return `${Math.round(ms)}ms`
}

const UNIT_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  ns: 0.000_001,
}

/** `1m0.5s` → 60500; undefined for what is no duration. */
export function durationMs(text: unknown): number | undefined {
  if (typeof text !== 'string' || !/^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+$/.test(text)) return undefined
  let ms = 0
  for (const [, digits, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)/g)) {
    ms += Number(digits) * (UNIT_MS[unit] ?? Number.NaN)
  }
  return ms
}
