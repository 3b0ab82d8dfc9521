/** What URLs and configuration files have in common, whatever the backend. */

export function checkTokenBase(name: string, value: string, problems: string[]): void {
  if (!/^\d{1,18}$/.test(value))
    problems.push(`${name} is '${value}' where a whole number of at most 18 digits is expected`)
}

/** Drops what is undefined, so that a spread never writes an undefined over a value. */
type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
export function present<T extends object>(record: T): Present<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Present<T>
}
