/** A fingerprint of everything that happened, in order: two runs are equal exactly if theirs are. */
import { createHash, type Hash } from 'node:crypto'
import type { Watcher } from './scheduler.ts'

const NUMBERS = 3 * 2048

export class Trace implements Watcher {
  readonly #hash: Hash = createHash('sha256')
  readonly #numbers = new Float64Array(NUMBERS)
  readonly #lines: ((line: string) => void) | undefined
  #filled = 0

  /** `lines` gets every line in clear text, for whoever looks for the first difference. */
  constructor(lines?: (line: string) => void) {
    this.#lines = lines
  }

  began(at: number, mark: number, process: number): void {
    this.#lines?.(`${at} ${mark} ${process}`)
    if (this.#filled === NUMBERS) this.#flush()
    this.#numbers[this.#filled++] = at
    this.#numbers[this.#filled++] = mark
    this.#numbers[this.#filled++] = process
  }

  /** What has no number. */
  said(text: string): void {
    this.#lines?.(text)
    this.#flush()
    this.#hash.update(text)
  }

  digest(): string {
    this.#flush()
    return this.#hash.copy().digest('hex')
  }

  #flush(): void {
    this.#hash.update(new Uint8Array(this.#numbers.buffer, 0, this.#filled * 8))
    this.#filled = 0
  }
}
