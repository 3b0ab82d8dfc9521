/**
 * Chance for a simulated run: one stream for each purpose, so that whoever draws more often disturbs nobody else, and a
 * plan with one action less still looks much the same.
 */
import type { Random } from '../seams/random.ts'

export class Stream implements Random {
  #a: number
  #b: number
  #c: number
  #d: number

  /** sfc32 (Chris Doty-Humphrey, PractRand), seeded from the text. */
  constructor(seed: string) {
    const [a, b, c, d] = words(seed)
    this.#a = a
    this.#b = b
    this.#c = c
    this.#d = d
    for (let i = 0; i < 12; i++) this.bits()
  }

  /** 32 of them. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  next(): number {
    return this.bits() / 2 ** 32
  }

  id(): string {
    return this.bits().toString(16).padStart(8, '0') + this.bits().toString(16).padStart(8, '0')
  }

  /** Uniform in [min, max). */
  between(min: number, max: number): number {
    return min + (max - min) * this.next()
  }

  /** A whole number from 0, below `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  /** True with this probability. Draws nothing for 0. */
  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  /** In an order of its own. */
  shuffled<T>(items: readonly T[]): T[] {
    const order = [...items]
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const swap = order[i] as T
      order[i] = order[j] as T
      order[j] = swap
    }
    return order
  }
}

/** Four words of 32 bits that depend on every character (FNV-1a, four times with different offsets, then mixed). */
function words(text: string): [number, number, number, number] {
  const hashes: [number, number, number, number] = [0x811c9dc5, 0x1b873593, 0xe6546b64, 0x9e3779b9]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    for (let j = 0; j < 4; j++) hashes[j] = Math.imul((hashes[j] as number) ^ (code + j), 0x01000193)
  }
  for (let j = 0; j < 4; j++) {
    let mixed = (hashes[j] as number) ^ ((hashes[(j + 1) % 4] as number) >>> 7)
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    hashes[j] = mixed ^ (mixed >>> 16)
  }
  return hashes
}
