/** Values by number: what is equal by its canonical text gets one number, so that states can be made of numbers. */

export class Interner<Value> {
  readonly #numbers = new Map<string, number>()
  readonly #values: Value[] = []
  readonly #keyOf: (value: Value) => string

  constructor(keyOf: (value: Value) => string = canonical) {
    this.#keyOf = keyOf
  }

  get size(): number {
    return this.#values.length
  }

  /** The value must not change from now on. */
  number(value: Value): number {
    const key = this.#keyOf(value)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#values.push(value) - 1
    this.#numbers.set(key, number)
    return number
  }

  value(number: number): Value {
    const value = this.#values[number]
    if (value === undefined) throw new RangeError(`nothing has the number ${number}`)
    return value
  }
}

/** One text for all values that are equal. Maps and sets count as unordered; keys of objects are sorted. */
export function canonical(value: unknown): string {
  if (value instanceof Map) {
    return `M{${[...value]
      .map(([key, one]) => `${canonical(key)}:${canonical(one)}`)
      .toSorted()
      .join()}}`
  }
  if (value instanceof Set) return `S{${[...value].map(canonical).toSorted().join()}}`
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'string' ? JSON.stringify(value) : String(value)
  }
  const record = value as Readonly<Record<string, unknown>>
  return `{${Object.keys(record)
    .toSorted()
    .map((key) => `${key}:${canonical(record[key])}`)
    .join()}}`
}

/** A function of two numbers, computed once for each pair. */
export class PairMemo<Result> {
  readonly #results = new Map<number, Result>()

  get(first: number, second: number, compute: () => Result): Result {
    // Both stay far below 2^26: the memory would end long before.
    const key = first * 0x400_0000 + second
    const known = this.#results.get(key)
    if (known !== undefined) return known
    const result = compute()
    this.#results.set(key, result)
    return result
  }
}
