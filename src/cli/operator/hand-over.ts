/**
 * An operator's part in a change of leaders: reads who leads, asks that leadership to end, by its token, and watches
 * what comes of it. It ends nothing itself, so whoever leads has stopped before anybody follows.
 */
import type { Backend, OperatorAnswer } from '../../backends/backend.ts'
import { MandateError, createElection, isMandateError } from '../../index.ts'
import type { ElectionState, Leader } from '../../index.ts'
import { reportOf } from '../cluster-report.ts'
import { hasStatus } from '../quorum-watch.ts'
import { answerLimitMs, leaderJson, silence } from '../reader.ts'
import type { LeaderJson } from '../reader.ts'
import { Follower } from './follower.ts'
import type { OperatorCommand } from './request.ts'

export interface HandOver {
  readonly outcome:
    | 'done'
    /** The one who shall lead does. */
    | 'leads-already'
    | 'vacant'
    /** Somebody else leads than `ifToken` says, or the leadership ended before it could be asked. */
    | 'changed'
    | 'no-such-candidate'
    /** The leadership that was asked is over, and the candidate that shall lead does not. */
    | 'another'
    /** Not within the time. */
    | 'late'
  /** Who led. */
  readonly from: LeaderJson | null
  /** Who leads now, if that was known soon enough. */
  readonly to: LeaderJson | null
  /** Whether the leader said that it heard. */
  readonly told: boolean
  /** Who else stood, before it was asked; null where the backend does not list them. */
  readonly waiting: readonly string[] | null
}

/** How long a successor is waited for, after the end of the leadership before: as long as one that stands alone rests. */
const successorLimitMs = 3000

/** @throws UNSUPPORTED, BACKEND_UNAVAILABLE, FORBIDDEN, … */
export async function handOver(
  command: OperatorCommand,
  backend: Backend,
  note: (text: string) => void,
): Promise<HandOver> {
  const election = createElection({ name: command.election, backend })
  const end = new AbortController()
  const limit = AbortSignal.timeout(command.waitMs)
  try {
    const signal = AbortSignal.any([limit, AbortSignal.timeout(answerLimitMs)])
    const first = await election.current({ signal }).catch(nobodyKnows)
    if (first.type === 'unknown') throw cannotBeTold(command.election, first.cause)
    const refused = refusal(command, first)
    if (refused !== undefined || first.type !== 'led') return { ...nothing, ...refused }
    const follower = new Follower(election, end.signal)
    return await new Asking(command, backend, { from: first.leader, follower, limit, note }).run()
  } finally {
    end.abort()
    await election.close()
  }
}

const nothing: HandOver = { outcome: 'vacant', from: null, to: null, told: false, waiting: null }

/** Why there is nothing to ask. */
function refusal({ wanted, ifToken }: OperatorCommand, state: ElectionState): Partial<HandOver> | undefined {
  if (state.type !== 'led') return { outcome: 'vacant' }
  const leads = leaderJson(state.leader)
  if (ifToken !== null && state.leader.token !== ifToken) return { outcome: 'changed', to: leads }
  if (wanted === leads.id) return { outcome: 'leads-already', from: leads, to: leads }
  return undefined
}

interface AskingParts {
  readonly from: Leader
  readonly follower: Follower
  readonly limit: AbortSignal
  readonly note: (text: string) => void
}

class Asking {
  readonly #command: OperatorCommand
  readonly #backend: Backend
  readonly #parts: AskingParts

  constructor(command: OperatorCommand, backend: Backend, parts: AskingParts) {
    this.#command = command
    this.#backend = backend
    this.#parts = parts
  }

  async run(): Promise<HandOver> {
    const { from, note } = this.#parts
    const { election, wanted } = this.#command
    const waiting = await this.#waiting()
    if (waiting?.length === 0 && wanted === null)
      note(`nobody else waits in '${election}': '${from.id}' stops, and may lead again a moment later`)
    const answer = await this.#ask()
    const common = { from: leaderJson(from), told: answer === 'told', waiting }
    if (answer === 'no-such-candidate') return { outcome: answer, to: leaderJson(from), ...common }
    const over = await this.#parts.follower.until((state) => this.#isOver(state), this.#parts.limit)
    if (!over) return { outcome: this.#late(), to: null, ...common }
    const to = await this.#successor()
    if (answer === 'over') return { outcome: 'changed', to, ...common }
    const isWanted = wanted === null || to?.id === wanted
    return { outcome: isWanted ? 'done' : 'another', to, ...common }
  }

  /** Undefined: nobody answered in time. */
  async #ask(): Promise<OperatorAnswer | undefined> {
    const { election, wanted: to } = this.#command
    const { from, limit } = this.#parts
    try {
      return await this.#backend.ask?.({ election, token: from.token, to }, { signal: limit })
    } catch (error) {
      if (limit.aborted && isMandateError(error, 'CANCELLED')) return undefined
      throw error
    }
  }

  #isOver(state: ElectionState): boolean {
    return state.type === 'vacant' || (state.type === 'led' && state.leader.token > this.#parts.from.token)
  }

  #late(): 'late' {
    const { state } = this.#parts.follower
    if (state?.type === 'unknown') throw cannotBeTold(this.#command.election, state.cause)
    return 'late'
  }

  async #successor(): Promise<LeaderJson | null> {
    const { follower, limit } = this.#parts
    const signal = AbortSignal.any([limit, AbortSignal.timeout(successorLimitMs)])
    await follower.until((state) => state.type === 'led' && this.#isOver(state), signal)
    const { state } = follower
    return state?.type === 'led' ? leaderJson(state.leader) : null
  }

  /** Who could take over, as the peers see it now. A help for people: nothing depends on it. */
  async #waiting(): Promise<readonly string[] | null> {
    const { election } = this.#command
    if (!hasStatus(this.#backend)) return null
    const view = await this.#backend
      .status({ election, timeoutMs: 500, signal: this.#parts.limit })
      .catch(() => undefined)
    if (view === undefined || view.answers.length === 0) return null
    const { elections } = reportOf(this.#backend, view, election, Date.now())
    return elections.find(({ name }) => name === election)?.waiting.map(({ id }) => id) ?? null
  }
}

function nobodyKnows(error: unknown): { readonly type: 'unknown'; readonly cause: unknown } {
  return { type: 'unknown', cause: silence(error) }
}

function cannotBeTold(election: string, cause: unknown): MandateError<'BACKEND_UNAVAILABLE'> {
  const message = `Who leads '${election}' cannot be told.`
  return new MandateError('BACKEND_UNAVAILABLE', message, {}, { cause })
}
