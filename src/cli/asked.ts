/** What an operator asked of the present leadership of `run` (`mandate resign`, `mandate transfer`). */
import type { OperatorWish } from '../backends/backend.ts'

export type AskedFor = 'resigned' | 'transferred'

export class Asked {
  /** Resolves with why the leadership is to be given up; never, unless somebody asks. */
  readonly reason: Promise<AskedFor>
  #wish: OperatorWish | undefined
  #tell!: (reason: AskedFor) => void

  constructor() {
    this.reason = new Promise((resolve) => (this.#tell = resolve))
  }

  tell(wish: OperatorWish): void {
    this.#wish ??= wish
    this.#tell(wish.to === null ? 'resigned' : 'transferred')
  }

  get wish(): OperatorWish | undefined {
    return this.#wish
  }

  get why(): string {
    const to = this.#wish?.to ?? null
    return to === null ? 'an operator asks for another leader' : `an operator asks for '${to}' as leader`
  }
}
