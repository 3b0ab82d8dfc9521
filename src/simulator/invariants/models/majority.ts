/** A majority, counted apart from the code under test: a checker that asked it would believe its mistakes. */
export function isMajority(count: number, of: number): boolean {
  return 2 * count > of
}
