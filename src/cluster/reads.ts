/**
 * Linearizable reads (Dissertation §6.4), from any peer: the Raft leader confirms that it still leads, and the answer
 * waits until everything committed by then is applied here.
 */
import type { PeerId } from '../protocols/quorum/types.ts'

export interface ReadDuties {
  /** Feeds Raft on this peer, when it leads. */
  readLocally(id: number): void
  askLeader(leader: PeerId, id: number): void
}

/** More than a process ever asks; with 2^21 starts of a peer the numbers stay safe integers. */
const readsPerProcess = 2 ** 32

interface PendingRead {
  readonly done: (ok: boolean) => void
  readonly giveUpAt: number
}

export class Reads {
  readonly #self: PeerId
  readonly #duties: ReadDuties
  readonly #asked = new Map<number, PendingRead>()
  /** Confirmed at an index that is not applied here yet. */
  #confirmed: { readonly index: number; readonly read: PendingRead }[] = []
  /** Reads of other peers that wait for this leader's confirmation. */
  readonly #foreign = new Map<number, (index: number | null) => void>()
  #next: number
  #applied = 0

  /** `incarnation` keeps its numbers apart: the answer to an earlier process of this peer may come now, and is too old. */
  constructor(self: PeerId, incarnation: number, duties: ReadDuties) {
    this.#self = self
    this.#next = incarnation * readsPerProcess
    this.#duties = duties
  }

  /** `done(true)` once this peer's state is at least as new as any commit before the call; `done(false)` after `giveUpAt`. */
  request(leader: PeerId | null, giveUpAt: number, done: (ok: boolean) => void): void {
    const id = this.#next++
    this.#asked.set(id, { done, giveUpAt })
    this.#ask(leader, id)
  }

  /** Another peer asks this one, which may lead. */
  requestFor(answer: (index: number | null) => void): void {
    const id = this.#next++
    this.#foreign.set(id, answer)
    this.#duties.readLocally(id)
  }

  /** Raft, here or at the leader, confirmed or refused. */
  answered(id: number, index: number | null): void {
    const answer = this.#foreign.get(id)
    if (answer !== undefined) {
      this.#foreign.delete(id)
      answer(index)
      return
    }
    const read = this.#asked.get(id)
    // Refused: asked again by the next `retry`, of whoever leads by then.
    if (read === undefined || index === null) return
    this.#asked.delete(id)
    if (index <= this.#applied) read.done(true)
    else this.#confirmed.push({ index, read })
  }

  applied(index: number): void {
    this.#applied = index
    if (this.#confirmed.length === 0) return
    const ready = this.#confirmed.filter((confirmed) => confirmed.index <= index)
    if (ready.length === 0) return
    this.#confirmed = this.#confirmed.filter((confirmed) => confirmed.index > index)
    for (const { read } of ready) read.done(true)
  }

  /** Asks again for whatever is open, and gives up what waited too long. */
  retry(leader: PeerId | null, now: number): void {
    for (const [id, read] of [...this.#asked]) {
      if (now < read.giveUpAt) this.#ask(leader, id)
      else {
        this.#asked.delete(id)
        read.done(false)
      }
    }
    const late = this.#confirmed.filter(({ read }) => now >= read.giveUpAt)
    this.#confirmed = this.#confirmed.filter(({ read }) => now < read.giveUpAt)
    for (const { read } of late) read.done(false)
  }

  get waiting(): boolean {
    return this.#asked.size > 0 || this.#confirmed.length > 0
  }

  #ask(leader: PeerId | null, id: number): void {
    if (leader === this.#self) this.#duties.readLocally(id)
    else if (leader !== null) this.#duties.askLeader(leader, id)
  }
}
