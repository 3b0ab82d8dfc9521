/**
 * Delta debugging (Zeller and Hildebrandt, IEEE TSE 2002, ddmin): leaves out parts of a schedule as long as the rest
 * still fails in the same way, first large parts, then small ones, at last single items.
 */
export interface Shrunk<Item> {
  readonly items: readonly Item[]
  readonly runs: number
  /** No single item can be left out; false if the time was over before that was known. */
  readonly minimal: boolean
}

export async function shrink<Item>(
  items: readonly Item[],
  fails: (items: readonly Item[]) => Promise<boolean>,
  mayGoOn: () => boolean,
): Promise<Shrunk<Item>> {
  let kept = items
  let runs = 0
  let parts = 2
  while (kept.length > 0) {
    const size = Math.ceil(kept.length / parts)
    let smaller: readonly Item[] | null = null
    // The later ones first: whatever came after the cause is most likely of no account.
    for (let from = size * (Math.ceil(kept.length / size) - 1); from >= 0 && smaller === null; from -= size) {
      if (!mayGoOn()) return { items: kept, runs, minimal: false }
      const rest = [...kept.slice(0, from), ...kept.slice(from + size)]
      runs += 1
      if (await fails(rest)) smaller = rest
    }
    if (smaller !== null) {
      kept = smaller
      parts = Math.max(2, Math.min(parts - 1, kept.length))
    } else if (size <= 1) break
    else parts = Math.min(kept.length, parts * 2)
  }
  return { items: kept, runs, minimal: true }
}
