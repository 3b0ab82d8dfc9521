/** Whether two pieces of data say the same: plain objects, arrays and values, as they travel in entries. */
export function same(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  const [ours, theirs] = [left as Record<string, unknown>, right as Record<string, unknown>]
  const keys = Object.keys(ours)
  if (keys.length !== Object.keys(theirs).length) return false
  return keys.every((key) => Object.hasOwn(theirs, key) && same(ours[key], theirs[key]))
}

/** For messages: as JSON, bigints included. */
export function show(data: unknown): string {
  return JSON.stringify(data, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
}
