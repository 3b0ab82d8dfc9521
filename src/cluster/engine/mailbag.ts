/** What one turn has to say to each session, in as few messages as it fits. */
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { SessionKey } from '../../protocols/support/types.ts'
import { carriedAtOnce } from './engine.ts'

type Send<Letter> = (to: PeerId, session: SessionKey, letters: readonly Letter[]) => void

export class Mailbag<Letter> {
  readonly #send: Send<Letter>
  readonly #letters = new Map<PeerId, Map<SessionKey, Letter[]>>()

  constructor(send: Send<Letter>) {
    this.#send = send
  }

  put(to: PeerId, session: SessionKey, letter: Letter): void {
    let sessions = this.#letters.get(to)
    if (sessions === undefined) this.#letters.set(to, (sessions = new Map()))
    const letters = sessions.get(session)
    if (letters === undefined) sessions.set(session, [letter])
    else letters.push(letter)
  }

  empty(): void {
    if (this.#letters.size === 0) return
    const full = [...this.#letters]
    this.#letters.clear()
    for (const [to, sessions] of full) {
      for (const [session, letters] of sessions) {
        for (let first = 0; first < letters.length; first += carriedAtOnce)
          this.#send(to, session, letters.slice(first, first + carriedAtOnce))
      }
    }
  }
}
