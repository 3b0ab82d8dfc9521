/**
 * A short history written by hand, for what random seeds rarely reach. The code as it is passes; a planted bug makes it
 * throw.
 */
export interface Schedule {
  /** As its file. */
  readonly name: string
  /** What holds, in one sentence. */
  readonly claim: string
  /** @throws Broken */
  run(): void | Promise<void>
}

/** The claim of a schedule does not hold. */
export class Broken extends Error {
  override readonly name = 'Broken'
}

export function expect(holds: boolean, what: string): void {
  if (!holds) throw new Broken(what)
}

export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [show(actual), show(expected)]
  if (is !== should) throw new Broken(`${what}: ${is}, expected ${should}`)
}

function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one)) ?? 'undefined'
  )
}
