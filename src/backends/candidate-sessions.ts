/** The sessions of one embedded backend, one for each candidate id. */
import type { Cancellable } from './backend.ts'
import { twoLeases } from './embedded-refusals.ts'

interface Opening {
  opened(o: Cancellable): Promise<void>
  close(o: Cancellable): Promise<void>
}

interface Asked {
  readonly candidateId: string
  readonly leaseMs: number
}

export class CandidateSessions {
  /** By candidate id, of the session that was opened last: one that was given up may not have ended yet. */
  readonly #last = new Map<string, Asked>()

  /** `create` gets what to call once, when the session is over. @throws INVALID_OPTIONS for a second lease of one candidate */
  async open<S extends Opening>(
    asked: Asked,
    create: (closed: () => void) => S,
    { signal }: Cancellable,
  ): Promise<S> {
    const { candidateId: id, leaseMs } = asked
    const other = this.#last.get(id)
    if (other !== undefined && other.leaseMs !== leaseMs) throw twoLeases(id, leaseMs, other.leaseMs)
    const session = create(() => {
      if (this.#last.get(id) === asked) this.#last.delete(id)
    })
    this.#last.set(id, asked)
    try {
      await session.opened({ signal })
      return session
    } catch (error) {
      await session.close({ signal })
      throw error
    }
  }
}
