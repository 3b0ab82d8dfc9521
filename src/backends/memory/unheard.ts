/** Operators who wait until the holder that they asked has heard it. */
import type { Contender } from './contest.ts'

interface Asked {
  readonly holder: Contender
  readonly notice: number
  readonly heard: () => void
}

/** Who asks repeats it, so the oldest may be forgotten. */
const waitingMax = 1000

export class Unheard {
  #waiting: Asked[] = []

  wait(holder: Contender, notice: number, heard: () => void): void {
    this.#waiting = [...this.#waiting.slice(1 - waitingMax), { holder, notice, heard }]
  }

  /** Something was heard from this session, and so of what it was told. */
  heardFrom(session: Contender): void {
    const told = this.#waiting.filter(({ holder, notice }) => holder === session && session.wasTold(notice))
    if (told.length === 0) return
    this.#waiting = this.#waiting.filter((each) => !told.includes(each))
    for (const { heard } of told) heard()
  }
}
