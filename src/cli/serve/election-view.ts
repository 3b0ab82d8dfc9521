/** What `serve` knows of its election: its own leadership first, because that is certain, then what it observes. */
import type { Exclusivity, Metadata } from '../../backends/backend.ts'
import type { ElectionState } from '../../election/observe.ts'
import { leaderJson } from '../reader.ts'
import type { LeaderJson } from '../reader.ts'
import type { ServedCandidate } from './candidate.ts'

/** As in INTERFACES §3; absent is null. */
export interface ElectionJson {
  readonly at: number
  readonly election: string
  readonly exclusivity: Exclusivity
  readonly state: 'led' | 'vacant' | 'unknown'
  readonly leader: LeaderJson | null
  readonly reason: string | null
  readonly candidate: {
    readonly id: string
    readonly leads: boolean
    readonly token: string | null
    /** How long `leads` may be acted upon, counted from when the question was sent; null where it may not be. */
    readonly validForMs: number | null
  }
}

export interface ViewOptions {
  readonly election: string
  readonly exclusivity: Exclusivity
  readonly metadata: Metadata
  readonly candidate: ServedCandidate
}

export class ElectionView {
  readonly #options: ViewOptions
  #observed: ElectionState | undefined
  #isKnown = false

  constructor(options: ViewOptions) {
    this.#options = options
  }

  get election(): string {
    return this.#options.election
  }

  observe(state: ElectionState): void {
    this.#observed = state
    if (state.type !== 'unknown') this.#isKnown = true
  }

  /** Whether the arbiter has ever answered. */
  get isKnown(): boolean {
    return this.#isKnown || this.#options.candidate.leads() !== undefined
  }

  /** Whether the arbiter, as far as it is heard, names this candidate. */
  get namesCandidate(): boolean {
    return this.#observed?.type === 'led' && this.#observed.leader.id === this.#options.candidate.id
  }

  get observedState(): ElectionJson['state'] {
    return this.#observed?.type ?? 'unknown'
  }

  /** An answer to act upon: with a permit, if this candidate leads now. */
  answer(): ElectionJson {
    const permit = this.#options.candidate.permit()
    return this.#json(permit?.token, permit?.validForMs ?? null)
  }

  /** News, which may be read at any later time: nobody may act upon it. */
  news(): ElectionJson {
    return this.#json(this.#options.candidate.leads(), null)
  }

  #json(token: bigint | undefined, validForMs: number | null): ElectionJson {
    const { election, exclusivity, candidate } = this.#options
    return {
      at: Date.now(),
      election,
      exclusivity,
      ...this.#leader(token),
      candidate: {
        id: candidate.id,
        leads: token !== undefined,
        token: token?.toString() ?? null,
        validForMs,
      },
    }
  }

  #leader(ownToken: bigint | undefined): Pick<ElectionJson, 'state' | 'leader' | 'reason'> {
    const { candidate, metadata } = this.#options
    const observed = this.#observed
    if (ownToken !== undefined) {
      const { id } = candidate
      const leader = { id, token: ownToken.toString(), scope: candidate.tokenScope, rank: null, metadata }
      return { state: 'led', leader, reason: null }
    }
    if (observed === undefined) return { state: 'unknown', leader: null, reason: 'no answer yet' }
    if (observed.type === 'vacant') return { state: 'vacant', leader: null, reason: null }
    if (observed.type === 'unknown') {
      const { cause } = observed
      return {
        state: 'unknown',
        leader: null,
        reason: cause instanceof Error ? cause.message : String(cause),
      }
    }
    // The arbiter learns later than this process that a leadership is over, and it may be that of an earlier process.
    if (observed.leader.id === candidate.id) {
      const reason = 'the arbiter still names this candidate, which does not lead'
      return { state: 'unknown', leader: null, reason }
    }
    return { state: 'led', leader: leaderJson(observed.leader), reason: null }
  }
}
