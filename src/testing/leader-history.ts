import type { Cancellable, Exclusivity, LossReason } from '../backends/backend.ts'
import type { Election } from '../election/election.ts'
import type { LeadOptions, Work } from '../election/lead.ts'
import type { Leadership } from '../election/leadership.ts'
import type { ElectionState } from '../election/observe.ts'

export interface LeaderHistoryOptions {
  /** For the time column, in ms. @default ms since the history was made */
  readonly now?: (() => number) | undefined
}

/** Something that a leader did to the world. */
export interface Effect {
  /** What it was done to. Tokens are compared for each resource by itself. */
  readonly resource: string
  readonly token: bigint
  /** Whose token it is, where several elections of the test may have the same one. @default the newest that has it */
  readonly election?: string | undefined
  /** Whether the resource took it. @default true */
  readonly accepted?: boolean | undefined
  /** For the table. */
  readonly note?: string | undefined
}

/** What went wrong, and the instant at which it was seen. */
export interface HistoryViolation {
  readonly atMs: number
  readonly message: string
}

/**
 * What the candidates of one test were told and did, and whether it was safe. Watch every election of the test, tell of
 * every effect, and end with `assertSafe()`.
 *
 * Judges only what it is shown, in one process, at the instants at which something happened.
 */
export interface LeaderHistory {
  /** The same election, whose leaderships this history sees. */
  watch(election: Election): Election
  /** A leadership that came some other way. */
  elected(leadership: Leadership): void
  effect(effect: Effect): void
  /** A line for the table: a fault, a step of the test. */
  note(text: string): void
  /** Leaderships that were not lost yet, oldest first. */
  leading(election?: string): readonly Leadership[]
  readonly violations: readonly HistoryViolation[]
  /** All that happened, one line each, one column for each candidate. */
  toString(): string
  /**
   * @throws Error with the violations and the table, unless
   * - in time mode no two leaderships of an election were ever valid at once,
   * - tokens of an election grow, in token mode: are given once,
   * - each candidate was elected and lost by turns,
   * - no resource took an effect with a token below one that it took before, and
   * - nobody had an effect accepted after its signal had aborted.
   */
  assertSafe(): void
}

export function leaderHistory(options: LeaderHistoryOptions = {}): LeaderHistory {
  const since = performance.now()
  return new RecordedHistory(options.now ?? (() => performance.now() - since))
}

interface Line {
  readonly atMs: number
  /** Null: for all. */
  readonly candidate: string | null
  readonly text: string
}

interface Held {
  readonly leadership: Leadership
  readonly exclusivity: Exclusivity
}

class RecordedHistory implements LeaderHistory {
  readonly violations: HistoryViolation[] = []
  readonly #now: () => number
  readonly #lines: Line[] = []
  readonly #held = new Set<Held>()
  /** By election, every token and who got it. */
  readonly #tokens = new Map<string, Map<bigint, string>>()
  /** By token scope and resource, the newest token that was accepted. */
  readonly #accepted = new Map<string, bigint>()
  readonly #leaderships: Leadership[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  watch(election: Election): Election {
    return new WatchedElection(election, this)
  }

  elected(leadership: Leadership): void {
    const { candidateId, electionName, token, exclusivity } = leadership
    this.#line(candidateId, `leads ${electionName} with ${token}`)
    if (!leadership.isValid()) {
      this.#violated(
        `${candidateId} was told that it leads '${electionName}' with ${token}, and is not valid`,
      )
    }
    this.#tokenIsNew(leadership)
    for (const { leadership: other } of this.#held) {
      if (other.electionName !== electionName || other.candidateId !== candidateId) continue
      this.#violated(`${candidateId} leads '${electionName}' with ${token}, and did not lose ${other.token}`)
    }
    this.#leaderships.push(leadership)
    const held = { leadership, exclusivity }
    this.#held.add(held)
    this.#oneIsValid(electionName)
    leadership.signal.addEventListener('abort', () => this.#aborted(leadership), { once: true })
    void leadership.lost.then((reason) => this.#lost(held, reason))
    if (leadership.signal.aborted) this.#aborted(leadership)
  }

  effect({ resource, token, election, accepted = true, note = '' }: Effect): void {
    const owner = this.#leaderships.findLast(
      (one) => one.token === token && (election === undefined || one.electionName === election),
    )
    const who = owner?.candidateId ?? null
    const text = `${accepted ? 'writes' : 'is refused'} ${resource} with ${token}${note === '' ? '' : `: ${note}`}`
    this.#line(who, who === null ? `somebody ${text}` : text)
    if (owner !== undefined) this.#oneIsValid(owner.electionName)
    if (!accepted) return
    const newest = this.#accepted.get(resource)
    if (newest !== undefined && token < newest) {
      this.#violated(`'${resource}' took ${token} after ${newest}`)
    } else this.#accepted.set(resource, token)
    if (owner?.signal.aborted === true) {
      this.#violated(`${owner.candidateId} wrote '${resource}' with ${token} after its signal had aborted`)
    }
  }

  note(text: string): void {
    this.#line(null, text)
  }

  leading(election?: string): readonly Leadership[] {
    const all = [...this.#held].map(({ leadership }) => leadership)
    return election === undefined ? all : all.filter(({ electionName }) => electionName === election)
  }

  toString(): string {
    const candidates = [...new Set(this.#lines.flatMap(({ candidate }) => candidate ?? []))].toSorted()
    const widthOf = (candidate: string): number =>
      Math.max(
        candidate.length,
        ...this.#lines.map((line) => (line.candidate === candidate ? line.text.length : 0)),
      )
    const columns = candidates.map((candidate) => ({ candidate, width: widthOf(candidate) }))
    const head = columns.map(({ candidate, width }) => candidate.padEnd(width))
    const rows = this.#lines.map(({ atMs, candidate, text }) => {
      const cells = columns.map((column) => (column.candidate === candidate ? text : '').padEnd(column.width))
      return [atMs.toFixed(1).padStart(10), ...(candidate === null ? [`-- ${text}`] : cells)]
        .join('  ')
        .trimEnd()
    })
    return [['ms'.padStart(10), ...head].join('  ').trimEnd(), ...rows].join('\n')
  }

  assertSafe(): void {
    for (const name of new Set(this.leading().map(({ electionName }) => electionName))) this.#oneIsValid(name)
    if (this.violations.length === 0) return
    const messages = this.violations.map(({ atMs, message }) => `${atMs.toFixed(1)} ms: ${message}`)
    throw new Error(`The history is not safe.\n${messages.join('\n')}\n\n${this.toString()}`)
  }

  #tokenIsNew({ candidateId, electionName, token, exclusivity }: Leadership): void {
    const tokens = this.#tokens.get(electionName) ?? new Map<bigint, string>()
    this.#tokens.set(electionName, tokens)
    const owner = tokens.get(token)
    const newest = [...tokens.keys()].reduce((max, one) => (one > max ? one : max), -1n)
    if (owner !== undefined) {
      this.#violated(`token ${token} of '${electionName}' was ${owner}'s, and is ${candidateId}'s`)
    } else if (exclusivity === 'time' && token < newest) {
      this.#violated(`${candidateId} leads '${electionName}' with ${token}, after ${newest}`)
    }
    tokens.set(token, candidateId)
  }

  #oneIsValid(election: string): void {
    const valid = [...this.#held].filter(
      ({ leadership, exclusivity }) =>
        exclusivity === 'time' && leadership.electionName === election && leadership.isValid(),
    )
    if (valid.length < 2) return
    const who = valid.map(({ leadership }) => `${leadership.candidateId} with ${leadership.token}`)
    this.#violated(`'${election}' has ${valid.length} valid leaderships: ${who.join(' and ')}`)
  }

  #aborted(leadership: Leadership): void {
    if (!leadership.isValid()) return
    const { candidateId, electionName } = leadership
    this.#violated(`${candidateId} is valid in '${electionName}' although its signal has aborted`)
  }

  #lost(held: Held, reason: LossReason): void {
    const { candidateId, electionName, signal } = held.leadership
    this.#held.delete(held)
    this.#line(candidateId, `loses ${electionName}: ${reason}`)
    if (!signal.aborted) this.#violated(`${candidateId} lost '${electionName}' before its signal aborted`)
  }

  #violated(message: string): void {
    // The same wrong is seen again with every event until it is over.
    if (this.violations.some((one) => one.message === message)) return
    this.violations.push({ atMs: this.#now(), message })
    this.#line(null, `VIOLATION: ${message}`)
  }

  #line(candidate: string | null, text: string): void {
    this.#lines.push({ atMs: this.#now(), candidate, text })
  }
}

class WatchedElection implements Election {
  readonly #election: Election
  readonly #history: LeaderHistory

  constructor(election: Election, history: LeaderHistory) {
    this.#election = election
    this.#history = history
  }

  get name(): string {
    return this.#election.name
  }

  get candidateId(): string {
    return this.#election.candidateId
  }

  lead<T>(work: Work<T>, options?: LeadOptions): Promise<T | undefined> {
    const watched = (leadership: Leadership): T | PromiseLike<T> => {
      this.#history.elected(leadership)
      return work(leadership)
    }
    return this.#election.lead(watched, options)
  }

  async campaign(o?: Cancellable): Promise<Leadership> {
    const leadership = await this.#election.campaign(o)
    this.#history.elected(leadership)
    return leadership
  }

  observe(o?: Cancellable): AsyncIterable<ElectionState> {
    return this.#election.observe(o)
  }

  current(o?: Cancellable): Promise<ElectionState> {
    return this.#election.current(o)
  }

  close(): Promise<void> {
    return this.#election.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
