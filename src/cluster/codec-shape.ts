/**
 * Shapes: how a value looks as JSON, and what is refused while reading one. A table of shapes reads like the type it
 * stands for, and the compiler holds the two together. Only known fields get out of foreign JSON.
 */

export interface Shape<T> {
  /** Checks `value`, which is JSON that nobody else holds, and may change it in place. Throws a `Refusal`. */
  read(value: unknown): T
  /** To what `JSON.stringify` understands. Absent where `T` is that already. */
  readonly plain?: (value: T) => unknown
}

/** A field that may be missing. */
export interface OptionalShape<T> {
  readonly optional: Shape<T>
}

/** One entry per property: the compiler asks for each, and for `optional` exactly where the type has `?`. */
export type Fields<T> = {
  readonly [Key in keyof T]-?: object extends Pick<T, Key>
    ? OptionalShape<NonNullable<T[Key]>>
    : Shape<T[Key]>
}

type Variants<Union, Tag extends keyof Union> = {
  readonly [Name in Union[Tag] & string]: Fields<Omit<Extract<Union, { readonly [K in Tag]: Name }>, Tag>>
}

/** Why a value was refused and where, from the inside out. */
export class Refusal extends Error {
  readonly #path: string[] = []

  at(key: string): this {
    this.#path.unshift(key)
    return this
  }

  /** `message.entries[3].term: expected …`, below the given name. */
  describe(root: string): string {
    return `${root}${this.#path.join('')}: ${this.message}`
  }
}

function refuse(expected: string, value: unknown): never {
  throw new Refusal(`expected ${expected}, got ${show(value)}`)
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value)
  return text.length > 48 ? `${text.slice(0, 48)}…` : text
}

function within(key: string, error: unknown): unknown {
  return error instanceof Refusal ? error.at(key) : error
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Length in UTF-8, without allocating: a lone surrogate counts as its replacement. */
export function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) bytes += 1
    if (unit >= 0x800) bytes += 1
    // A pair is two units and four bytes: three for its first half, one for the second.
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) i += 1
  }
  return bytes
}

export function text(maxBytes: number, minBytes = 0): Shape<string> {
  const expected = `text of ${minBytes} to ${maxBytes} bytes`
  return {
    read(value) {
      if (typeof value !== 'string' || value.length < minBytes || value.length > maxBytes)
        refuse(expected, value)
      if (value.length * 3 > maxBytes && utf8Bytes(value) > maxBytes) refuse(expected, value)
      return value
    },
  }
}

/** A safe integer that is not negative. */
export const count: Shape<number> = {
  read(value) {
    if (!Number.isSafeInteger(value) || (value as number) < 0) refuse('a safe integer of at least 0', value)
    return value as number
  },
}

/** Any finite number: priorities may be negative, durations are no integers. */
export const finite: Shape<number> = {
  read(value) {
    if (!Number.isFinite(value)) refuse('a finite number', value)
    return value as number
  },
}

/** A time span in ms, finite and not negative. */
export const duration: Shape<number> = {
  read(value) {
    if (!Number.isFinite(value) || (value as number) < 0) refuse('a time of at least 0 ms', value)
    return value as number
  },
}

export const flag: Shape<boolean> = {
  read(value) {
    if (typeof value !== 'boolean') refuse('true or false', value)
    return value
  },
}

/** A bigint that is not negative, as decimal digits: JSON numbers would lose everything above 2^53. */
export const decimal: Shape<bigint> = {
  read(value) {
    if (typeof value !== 'string' || !/^(?:0|[1-9][0-9]{0,38})$/.test(value))
      refuse('up to 39 decimal digits', value)
    return BigInt(value)
  },
  plain: (value) => value.toString(),
}

export function oneOf<const T extends string>(...allowed: readonly T[]): Shape<T> {
  const known: ReadonlySet<unknown> = new Set(allowed)
  const expected = `one of ${allowed.join(', ')}`
  return { read: (value) => (known.has(value) ? (value as T) : refuse(expected, value)) }
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  const { plain } = shape
  return withPlain(
    (value) => (value === null ? null : shape.read(value)),
    plain && ((value) => (value === null ? null : plain(value))),
  )
}

export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  return { optional: shape }
}

export function list<T>(item: Shape<T>, max: number): Shape<readonly T[]> {
  const { plain } = item
  return withPlain<readonly T[]>(
    (value) => {
      if (!Array.isArray(value) || value.length > max) refuse(`a list of at most ${max}`, value)
      const result: T[] = []
      try {
        for (const element of value) result.push(item.read(element))
      } catch (error) {
        throw within(`[${result.length}]`, error)
      }
      return result
    },
    plain && ((values) => values.map(plain)),
  )
}

/** Text by text, as small data of a user's: bounded as a whole. `__proto__` is a key like any other. */
export function textRecord(maxBytes: number): Shape<Readonly<Record<string, string>>> {
  return {
    read(value) {
      if (!isObject(value)) refuse('an object', value)
      let bytes = 0
      for (const [key, entry] of Object.entries(value)) {
        if (typeof entry !== 'string')
          throw new Refusal(`expected text, got ${show(entry)}`).at(`[${show(key)}]`)
        bytes += utf8Bytes(key) + utf8Bytes(entry)
        if (bytes > maxBytes) throw new Refusal(`expected at most ${maxBytes} bytes of keys and values`)
      }
      return Object.fromEntries(Object.entries(value)) as Record<string, string>
    },
  }
}

/** JSON of unknown meaning, bounded in depth and number of values. */
export function jsonRecord(maxDepth: number, maxValues: number): Shape<Readonly<Record<string, unknown>>> {
  return {
    read(value) {
      if (!isObject(value)) refuse('an object', value)
      let values = 0
      const copy = (json: unknown, depth: number): unknown => {
        values += 1
        if (depth > maxDepth) throw new Refusal(`expected at most ${maxDepth} levels`)
        if (values > maxValues) throw new Refusal(`expected at most ${maxValues} values`)
        if (Array.isArray(json)) return json.map((item) => copy(item, depth + 1))
        if (!isObject(json)) return json
        return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, copy(item, depth + 1)]))
      }
      return copy(value, 0) as Record<string, unknown>
    },
  }
}

export function object<T extends object>(fields: Fields<T>): Shape<T> {
  return objectWith<T>(fields, {})
}

/** A union told apart by one field; anything but the names in the table is refused. */
export function union<Union extends object, Tag extends keyof Union & string>(
  tag: Tag,
  variants: Variants<Union, Tag>,
): Shape<Union> {
  const shapes = new Map<unknown, Shape<object>>()
  for (const [name, fields] of Object.entries(variants)) {
    shapes.set(name, objectWith(fields as Fields<object>, { [tag]: name }))
  }
  const expected = `one of ${[...shapes.keys()].join(', ')}`
  const shapeOf = (value: object): Shape<object> | undefined =>
    shapes.get((value as Record<string, unknown>)[tag])
  const anyPlain = [...shapes.values()].some((shape) => shape.plain !== undefined)
  return withPlain(
    (value) => {
      if (!isObject(value)) refuse('an object', value)
      const shape = shapeOf(value)
      if (shape === undefined)
        throw new Refusal(`expected ${expected}, got ${show(value[tag])}`).at(`.${tag}`)
      return shape.read(value) as Union
    },
    anyPlain
      ? (value) => {
          const plain = shapeOf(value)?.plain
          return plain === undefined ? value : plain(value)
        }
      : undefined,
  )
}

interface Field {
  readonly key: string
  readonly shape: Shape<unknown>
  readonly isOptional: boolean
}

function objectWith<T extends object>(
  table: Fields<T>,
  constants: Readonly<Record<string, string>>,
): Shape<T> {
  const fields = Object.entries(
    table as Readonly<Record<string, Shape<unknown> | OptionalShape<unknown>>>,
  ).map(([key, entry]): Field =>
    'optional' in entry
      ? { key, shape: entry.optional, isOptional: true }
      : { key, shape: entry, isOptional: false },
  )
  const tags = Object.keys(constants).length
  const onlyKnown = (value: Record<string, unknown>): Record<string, unknown> => {
    const result: Record<string, unknown> = { ...constants }
    for (const { key } of fields) if (Object.hasOwn(value, key)) result[key] = value[key]
    return result
  }
  const special = fields.filter((field) => field.shape.plain !== undefined)
  return withPlain<T>(
    (value) => {
      if (!isObject(value)) refuse('an object', value)
      let known = tags
      let index = 0
      try {
        for (; index < fields.length; index++) {
          const { key, shape, isOptional } = fields[index] as Field
          // Own properties only: `constructor` or `toString` must not be found on a prototype.
          const given = Object.hasOwn(value, key) ? value[key] : undefined
          if (given === undefined && isOptional) continue
          const read = shape.read(given)
          if (read !== given) value[key] = read
          known++
        }
      } catch (error) {
        throw within(`.${fields[index]?.key}`, error)
      }
      // Heartbeats and keepalives come many times a second for ever: what holds nothing foreign is not copied.
      return (Object.keys(value).length === known ? value : onlyKnown(value)) as T
    },
    special.length === 0
      ? undefined
      : (value) => {
          const result: Record<string, unknown> = Object.fromEntries(Object.entries(value))
          for (const { key, shape } of special) {
            if (result[key] !== undefined) result[key] = shape.plain?.(result[key])
          }
          return result
        },
  )
}

function withPlain<T>(read: (value: unknown) => T, plain: ((value: T) => unknown) | undefined): Shape<T> {
  return plain === undefined ? { read } : { read, plain }
}
