import assert from 'node:assert/strict'

import type {
  Backend,
  Candidacy,
  CandidacyRequest,
  Exclusivity,
  Metadata,
  Session,
  SessionShare,
} from '../../backends/backend.ts'
import { CandidacyLog } from './candidacy-log.ts'
import { ObservationLog } from './observation-log.ts'

/** The election of every case that needs only one. */
export const ELECTION = 'billing'

/** What a member needs of the scene it plays in. */
export interface Stage {
  readonly exclusivity: Exclusivity
  readonly patienceMs: number
  until(what: string, condition: () => boolean, withinMs?: number): Promise<void>
  outcome<T>(what: string, promise: Promise<T>, withinMs?: number): Promise<T>
  /** Called at the instant at which a candidacy is told that it won, before it believes it. */
  granted(log: CandidacyLog): void
  track(log: CandidacyLog): void
  trackObservation(log: ObservationLog): void
  cut(backend: Backend): Promise<void>
  heal(backend: Backend): Promise<void>
  crash(backend: Backend): Promise<void>
}

/** One process with one session, as a case handles it. */
export class Member {
  readonly id: string
  readonly backend: Backend
  readonly session: Session
  readonly #stage: Stage
  readonly #share: SessionShare
  readonly #logs: CandidacyLog[] = []

  constructor(stage: Stage, id: string, backend: Backend, share: SessionShare) {
    this.#stage = stage
    this.#share = share
    this.id = id
    this.backend = backend
    this.session = share.session
    this.session.onRenewed?.((renewal) => {
      for (const log of this.#logs) if (log.holds) log.renewed(renewal)
    })
  }

  /** Stands in an election. By default in the one of the case, with its exclusivity, priority 0, no metadata. */
  enter(wish: Partial<CandidacyRequest> = {}): Standing {
    const request = {
      election: ELECTION,
      exclusivity: this.#stage.exclusivity,
      priority: 0,
      metadata: {},
      ...wish,
    }
    const { env, timing } = this.backend
    const label = request.election === ELECTION ? this.id : `${this.id} in ${request.election}`
    const log = new CandidacyLog(label, request, env.clock, timing, (winner) => this.#stage.granted(winner))
    this.#stage.track(log)
    this.#logs.push(log)
    const candidacy = this.session.enter(request, log)
    log.entered()
    return new Standing(this.#stage, log, candidacy)
  }

  observe(election = ELECTION): ObservationLog & { stop(): void } {
    const log = new ObservationLog(`observer at ${this.id}`)
    this.#stage.trackObservation(log)
    const observation = this.session.observe(election, log)
    log.returned()
    return Object.assign(log, {
      stop: () => {
        observation.close()
        log.closed()
      },
    })
  }

  /** Gives up the share in the session, and with the last share the session. */
  close(): Promise<void> {
    for (const log of this.#logs) log.closing = true
    return this.#stage.outcome(`${this.id} closes its session`, this.#share.leave({}))
  }

  cut(): Promise<void> {
    return this.#stage.cut(this.backend)
  }

  heal(): Promise<void> {
    return this.#stage.heal(this.backend)
  }

  crash(): Promise<void> {
    return this.#stage.crash(this.backend)
  }
}

/** One candidacy, with what it was told. */
export class Standing {
  readonly log: CandidacyLog
  readonly candidacy: Candidacy
  readonly #stage: Stage

  constructor(stage: Stage, log: CandidacyLog, candidacy: Candidacy) {
    this.#stage = stage
    this.log = log
    this.candidacy = candidacy
  }

  get leads(): boolean {
    return this.log.grant !== undefined && this.log.end === undefined && !this.log.gaveUp
  }

  get token(): bigint {
    if (this.log.grant === undefined) throw new Error(`${this.log.label} has no token: it never won`)
    return this.log.grant.token
  }

  /** Waits until it is told that it waits. */
  waits(withinMs = this.#stage.patienceMs): Promise<void> {
    return this.#stage.until(`${this.log.label} waits`, () => this.log.ahead.length > 0, withinMs)
  }

  /** Waits for the win. */
  async wins(withinMs = this.#stage.patienceMs): Promise<bigint> {
    await this.#stage.until(`${this.log.label} wins`, () => this.log.grant !== undefined, withinMs)
    return this.token
  }

  /** Waits for the win; its token must be above that of an earlier leadership. */
  async winsAbove(token: bigint, withinMs = this.#stage.patienceMs): Promise<bigint> {
    const next = await this.wins(withinMs)
    assert.ok(next > token, `token ${next} of ${this.log.label} is above the earlier ${token}`)
    return next
  }

  /** Waits for the end. */
  async ends(withinMs = this.#stage.patienceMs): Promise<void> {
    await this.#stage.until(`${this.log.label} is told the end`, () => this.log.end !== undefined, withinMs)
  }

  /** Asks to leave; the answer is awaited with `left`. */
  async leave(withinMs = this.#stage.patienceMs): Promise<'left' | 'was-not-holder' | 'unknown'> {
    this.log.gaveUp = true
    const answer = this.candidacy.leave({}).then((result) => {
      this.log.left()
      return result
    })
    return this.#stage.outcome(`leave() of ${this.log.label}`, answer, withinMs)
  }

  transfer(to: string): Promise<'done' | 'refused' | 'unknown'> {
    return this.#stage.outcome(`transfer of ${this.log.label} to ${to}`, this.candidacy.transfer(to, {}))
  }

  proclaim(metadata: Metadata): Promise<'done' | 'was-not-holder' | 'unknown'> {
    return this.#stage.outcome(`proclaim of ${this.log.label}`, this.candidacy.proclaim(metadata, {}))
  }
}
