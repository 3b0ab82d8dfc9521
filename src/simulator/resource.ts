/** What elections are for: something that must be changed by one at a time. It takes a write only with the newest token. */
export class GuardedResource {
  readonly #newest = new Map<string, bigint>()

  /** False: a newer token was seen before. */
  write(election: string, token: bigint): boolean {
    const newest = this.#newest.get(election)
    if (newest !== undefined && token < newest) return false
    this.#newest.set(election, token)
    return true
  }
}
