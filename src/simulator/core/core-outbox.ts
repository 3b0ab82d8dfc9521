/** What one process has for its peers: urgent letters leave with the end of a turn, the others with the next that does. */
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { Surroundings } from '../bare/surroundings.ts'
import type { Letter } from './letter.ts'

export class CoreOutbox {
  readonly #stage: Surroundings<unknown, Letter>
  readonly #place: number
  /** By place. */
  readonly #letters: (Letter[] | null)[]
  /** A bit for each place whose letters leave with the end of this turn. */
  #urgent = 0

  constructor(stage: Surroundings<unknown, Letter>, place: number) {
    this.#stage = stage
    this.#place = place
    this.#letters = stage.machines.map(() => null)
  }

  post(to: PeerId, letter: Letter, urgent: boolean): void {
    this.#postTo(this.#stage.placeOf(to), letter, urgent)
  }

  postToOthers(letter: Letter): void {
    for (let other = 0; other < this.#letters.length; other++)
      if (other !== this.#place) this.#postTo(other, letter, true)
  }

  #postTo(place: number, letter: Letter, urgent: boolean): void {
    const letters = this.#letters[place]
    if (letters == null) this.#letters[place] = [letter]
    else letters.push(letter)
    if (urgent) this.#urgent |= 1 << place
  }

  /** Everything leaves with the end of this turn. */
  hurry(): void {
    this.#urgent = -1
  }

  sendAll(): void {
    this.hurry()
    this.sendUrgent()
  }

  sendUrgent(): void {
    if (this.#urgent === 0) return
    const { length } = this.#letters
    for (let place = 0; place < length; place++) {
      const letters = this.#letters[place]
      if (letters == null || (this.#urgent & (1 << place)) === 0) continue
      this.#letters[place] = null
      this.#stage.network.send(this.#place, place, letters)
    }
    this.#urgent = 0
  }
}
