/** A binary heap: whatever comes first by `before` is at the top. */
export class Heap<Item> {
  readonly #before: (a: Item, b: Item) => boolean
  readonly #items: Item[] = []

  constructor(before: (a: Item, b: Item) => boolean) {
    this.#before = before
  }

  get top(): Item | undefined {
    return this.#items[0]
  }

  push(item: Item): void {
    const items = this.#items
    let at = items.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = items[parent] as Item
      if (!this.#before(item, above)) break
      items[at] = above
      at = parent
    }
    items[at] = item
  }

  pop(): Item | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (items.length === 0 || last === undefined) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && this.#before(items[child + 1] as Item, items[child] as Item)) child += 1
      const below = items[child] as Item
      if (!this.#before(below, last)) break
      items[at] = below
      at = child
    }
    items[at] = last
    return first
  }
}
