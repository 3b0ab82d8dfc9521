/**
 * Every state ever seen, exactly: the numbers themselves are kept and compared, so no two states are ever taken for one
 * (the hash only says where to look). States lie in the order of their discovery, which is also the queue of a
 * breadth-first search.
 */

const blockStates = 1 << 16

export class StateStore {
  readonly width: number
  /** States, `blockStates` in each. */
  readonly #blocks: Int32Array[] = []
  readonly #parents: Int32Array[] = []
  /** Open addressing; 0 is free, else the number of the state plus one. */
  #slots = new Int32Array(1 << 16)
  size = 0

  constructor(width: number) {
    this.width = width
  }

  /** A view of the state, valid for ever; not to be written. */
  at(index: number): Int32Array {
    const block = this.#blocks[Math.floor(index / blockStates)]
    if (block === undefined) throw new RangeError(`no state ${index}`)
    const offset = (index % blockStates) * this.width
    return block.subarray(offset, offset + this.width)
  }

  /** -1 for an initial state. */
  parentOf(index: number): number {
    return this.#parents[Math.floor(index / blockStates)]?.[index % blockStates] ?? -1
  }

  /** False if it was known. */
  add(state: ArrayLike<number>, parent: number): boolean {
    if (2 * (this.size + 1) > this.#slots.length) this.#grow()
    const mask = this.#slots.length - 1
    let slot = hashOf(state, 0, this.width) & mask
    for (let known = this.#slots[slot] ?? 0; known !== 0; known = this.#slots[slot] ?? 0) {
      if (this.#equals(known - 1, state)) return false
      slot = (slot + 1) & mask
    }
    this.#slots[slot] = this.size + 1
    this.#append(state, parent)
    return true
  }

  #append(state: ArrayLike<number>, parent: number): void {
    const at = this.size % blockStates
    if (at === 0) {
      this.#blocks.push(new Int32Array(blockStates * this.width))
      this.#parents.push(new Int32Array(blockStates))
    }
    const block = this.#blocks.at(-1) as Int32Array
    const parents = this.#parents.at(-1) as Int32Array
    for (let word = 0; word < this.width; word++) block[at * this.width + word] = state[word] as number
    parents[at] = parent
    this.size += 1
  }

  #equals(index: number, state: ArrayLike<number>): boolean {
    const block = this.#blocks[Math.floor(index / blockStates)] as Int32Array
    const offset = (index % blockStates) * this.width
    for (let word = 0; word < this.width; word++) if (block[offset + word] !== state[word]) return false
    return true
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let index = 0; index < this.size; index++) {
      const block = this.#blocks[Math.floor(index / blockStates)] as Int32Array
      let slot = hashOf(block, (index % blockStates) * this.width, this.width) & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = index + 1
    }
    this.#slots = slots
  }
}

/** Murmur3's mixing over the words. */
function hashOf(words: ArrayLike<number>, from: number, count: number): number {
  let hash = count
  for (let word = from; word < from + count; word++) {
    let mixed = Math.imul(words[word] as number, 0xcc9e2d51)
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
    hash ^= mixed
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
