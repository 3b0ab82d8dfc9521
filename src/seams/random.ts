/** Chance, passed in so that one seed repeats a run. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** A fresh identifier of 16 lower-case hex digits (64 bits). */
  id(): string
}

/** Uniform in [min, max). */
export function between(random: Random, min: number, max: number): number {
  return min + (max - min) * random.next()
}
