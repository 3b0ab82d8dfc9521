/** Durations as people write them: `3s`, `500ms`, `10m`, `1h`. A bare number is refused: nobody knows its unit. */

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** Timers hold 31 bits of milliseconds; beyond that Node fires at once, which for a lease would be a disaster. */
const maxDurationMs = 2 ** 31 - 1

export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: string }

/** Reads a duration into milliseconds, or says what is wrong with it. */
export function parseDuration(text: string): Parsed<number> {
  const match = /^(\d+)(ms|s|m|h)$/.exec(text)
  if (match === null) return { ok: false, problem: durationProblem(text) }
  const value = Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
  if (value > maxDurationMs) return { ok: false, problem: `'${text}' is too long: at most 596h` }
  return { ok: true, value }
}

function durationProblem(text: string): string {
  if (/^\d+$/.test(text)) return `'${text}' has no unit: write ${text}ms or ${text}s`
  return `'${text}' is not a duration: write a whole number with a unit, such as 500ms, 3s, 10m or 1h`
}

/** Reads `150ms-300ms`; a single duration stands for both ends. */
export function parseDurationRange(text: string): Parsed<readonly [number, number]> {
  const [first = '', second = first, ...more] = text.split('-')
  if (more.length > 0) return { ok: false, problem: `'${text}' is not a range: write it as 150ms-300ms` }
  const from = parseDuration(first)
  if (!from.ok) return from
  const to = parseDuration(second)
  if (!to.ok) return to
  if (from.value > to.value)
    return { ok: false, problem: `'${text}' runs backwards: write the smaller value first` }
  return { ok: true, value: [from.value, to.value] }
}

/** The shortest exact spelling: 3000 is `3s`, 1500 is `1500ms`. */
export function formatDuration(ms: number): string {
  if (ms !== 0 && ms % unitMs.h === 0) return `${ms / unitMs.h}h`
  if (ms !== 0 && ms % unitMs.m === 0) return `${ms / unitMs.m}m`
  if (ms % unitMs.s === 0) return `${ms / unitMs.s}s`
  return `${Math.round(ms)}ms`
}
