import type { Parsed } from './duration.ts'

/** One setting: its flag, its variable, its place in the file, how it is read and what it is by default. */
export interface Setting<Value> {
  readonly flag: string
  /** How the flag's value is written in `--help`; absent for a switch. */
  readonly placeholder?: string
  readonly help: string
  readonly variable: string
  /** Place in the configuration file. */
  readonly path: readonly [string] | readonly [string, string]
  readonly fallback: Value
  parse(text: string): Parsed<NonNullable<Value>>
  /** Of a flag that is given once for each part. */
  parseParts?(texts: readonly string[]): Parsed<NonNullable<Value>>
  /** For values that a file may hold in another type than text. */
  parseFileValue?(value: unknown): Parsed<NonNullable<Value>>
  show(value: NonNullable<Value>): string
}
