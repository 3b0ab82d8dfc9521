import assert from 'node:assert/strict'

import type { Backend, BackendFacts, Exclusivity, OperatorAnswer } from '../../backends/backend.ts'
import { isMandateError } from '../../errors.ts'
import type { MandateErrorCode } from '../../errors.ts'
import { createElection } from '../../election/election.ts'
import type { Election } from '../../election/election.ts'
import type { ElectionOptions } from '../../election/options.ts'
import type { CandidacyLog } from './candidacy-log.ts'
import { ELECTION, Member } from './member.ts'
import type { Stage, Standing } from './member.ts'
import type { ObservationLog } from './observation-log.ts'
import type { ConformanceSetup, ConformanceWorld, FaultHook } from './setup.ts'

/** A process with an election made by `createElection`. */
export interface Candidate {
  readonly id: string
  readonly backend: Backend
  readonly election: Election
}

/** A wait that the case comes back to later: should the case fail before that, it is nobody's unhandled rejection. */
export function begun<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

/** A wait that was watched until it settled, or until patience ended. */
type Settled<T> =
  | { readonly is: 'pending' }
  | { readonly is: 'fulfilled'; readonly value: T }
  | { readonly is: 'rejected'; readonly error: unknown }

/**
 * One case at work in one world. Besides what the case itself claims, every grant of every case is held against the
 * two rules that no backend may break: tokens of an election only grow, and in time mode nobody is told that it leads
 * while another, counting as it may, is still sure that it leads itself.
 */
export class Scene implements Stage {
  readonly facts: BackendFacts
  readonly exclusivity: Exclusivity
  readonly leaseMs: number
  readonly patienceMs: number
  readonly expiryMs: number
  /** Long enough that whoever waits for it has run out of patience first. */
  readonly longLeaseMs: number
  readonly #world: ConformanceWorld
  readonly #backends: Backend[] = []
  readonly #dead = new Set<Backend>()
  readonly #cut = new Set<Backend>()
  readonly #candidacies: CandidacyLog[] = []
  /** Candidacies that were told they won, in that order. */
  readonly #grants: CandidacyLog[] = []
  readonly #observations: ObservationLog[] = []
  readonly #breaches: string[] = []
  #turn: Promise<unknown> = Promise.resolve()

  constructor(setup: ConformanceSetup, world: ConformanceWorld, exclusivity: Exclusivity) {
    this.facts = setup.facts
    this.exclusivity = exclusivity
    this.leaseMs = setup.leaseMs ?? Math.max(1000, 2 * setup.facts.limits.minLeaseMs)
    this.patienceMs = setup.patienceMs ?? 10_000
    this.expiryMs = setup.expiryMs ?? 3 * this.leaseMs + this.patienceMs
    this.longLeaseMs = 10 * this.expiryMs
    this.#world = world
  }

  /** A process of its own, with no session yet. */
  async process(id: string): Promise<Backend> {
    const backend = await this.#world.candidate(id)
    this.#backends.push(backend)
    return backend
  }

  /** A process of its own with an open session. */
  async join(id: string, leaseMs = this.leaseMs): Promise<Member> {
    return this.member(id, await this.process(id), leaseMs)
  }

  /** A process of its own that leads. */
  async leader(
    id: string,
    leaseMs = this.leaseMs,
  ): Promise<{ readonly member: Member; readonly standing: Standing; readonly token: bigint }> {
    const member = await this.join(id, leaseMs)
    const standing = member.enter()
    return { member, standing, token: await standing.wins() }
  }

  /** A candidacy of a process of its own that waits behind somebody. */
  async waiter(id: string): Promise<Standing> {
    const standing = (await this.join(id)).enter()
    await standing.waits()
    return standing
  }

  /** A candidate as a user makes it, in a process of its own. */
  async candidate(id: string, options: Partial<ElectionOptions> = {}): Promise<Candidate> {
    const backend = await this.process(id)
    return { id, backend, election: this.electionOn(id, backend, options) }
  }

  /** Another election of a process that exists. */
  electionOn(id: string, backend: Backend, options: Partial<ElectionOptions> = {}): Election {
    return createElection({
      name: ELECTION,
      backend,
      ...(this.facts.exclusivity.length > 0 ? { exclusivity: this.exclusivity } : {}),
      leaseMs: this.leaseMs,
      candidate: { id },
      ...options,
    })
  }

  /** A session on a process that exists. */
  async member(
    id: string,
    backend: Backend,
    leaseMs = this.leaseMs,
    withinMs = this.patienceMs,
  ): Promise<Member> {
    const opening = backend.share({ candidateId: id, leaseMs }, {})
    const share = await this.outcome(`${id} opens a session`, opening, withinMs)
    return new Member(this, id, backend, share)
  }

  /** Waits for something that the case needs; fails the case when it does not come. */
  async until(what: string, condition: () => boolean, withinMs = this.patienceMs): Promise<void> {
    if (await this.#settle(condition, withinMs)) return
    assert.fail([`${what}: not within ${withinMs} ms`, ...this.#story()].join('\n'))
  }

  /** Waits for a promise while the world runs; rejects as it does. */
  async outcome<T>(what: string, promise: Promise<T>, withinMs = this.patienceMs): Promise<T> {
    const settled = await this.#watch(what, promise, withinMs)
    if (settled.is === 'fulfilled') return settled.value
    throw settled.error
  }

  /** Waits for a promise to settle, either way. */
  async settles(what: string, promise: Promise<unknown>, withinMs = this.patienceMs): Promise<void> {
    await this.#watch(what, promise, withinMs)
  }

  /** Waits for a promise to reject with this code; gives its error. */
  async refusal(
    what: string,
    promise: Promise<unknown>,
    code: MandateErrorCode | readonly MandateErrorCode[],
    withinMs = this.patienceMs,
  ): Promise<Error> {
    const codes: readonly MandateErrorCode[] = typeof code === 'string' ? [code] : code
    const settled = await this.#watch(what, promise, withinMs)
    if (settled.is === 'fulfilled')
      assert.fail(`${what}: was accepted, should be refused with ${codes.join(' or ')}`)
    const { error } = settled
    if (isMandateError(error) && codes.includes(error.code)) return error
    assert.fail(`${what}: should be refused with ${codes.join(' or ')}, was refused with ${String(error)}`)
  }

  async #watch<T>(
    what: string,
    promise: Promise<T>,
    withinMs: number,
  ): Promise<Exclude<Settled<T>, { is: 'pending' }>> {
    let settled: Settled<T> = { is: 'pending' }
    promise.then(
      (value) => (settled = { is: 'fulfilled', value }),
      (error: unknown) => (settled = { is: 'rejected', error }),
    )
    const read = (): Settled<T> => settled
    await this.until(`${what} settles`, () => read().is !== 'pending', withinMs)
    const final = read()
    assert.ok(final.is !== 'pending')
    return final
  }

  /** An operator's request by way of this process, which may be no candidate. */
  ask(
    backend: Backend,
    wish: { readonly token: bigint; readonly to?: string | null },
    withinMs = this.patienceMs,
  ): Promise<OperatorAnswer> {
    assert.ok(backend.ask !== undefined, 'its facts say that requests of operators reach the leader')
    const { token, to = null } = wish
    return this.outcome('ask()', backend.ask({ election: ELECTION, token, to }, {}), withinMs)
  }

  advance(ms: number): Promise<void> {
    return this.#inTurn(() => this.#world.advance(ms))
  }

  #settle(condition: () => boolean, withinMs: number): Promise<boolean> {
    return this.#inTurn(() => this.#world.settle(condition, withinMs))
  }

  /** A world lets time pass for one who asks at a time; waits that a case begins together take turns. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run)
    this.#turn = result.catch(() => undefined)
    return result
  }

  /** Lets `ms` pass and fails as soon as `condition` no longer holds. */
  async stays(what: string, ms: number, condition: () => boolean): Promise<void> {
    if (!(await this.#settle(() => !condition(), ms))) return
    assert.fail([`${what}: no longer so within ${ms} ms`, ...this.#story()].join('\n'))
  }

  async crash(backend: Backend): Promise<void> {
    this.#dead.add(backend)
    await this.#world.crash?.(backend)
  }

  async cut(backend: Backend): Promise<void> {
    this.#cut.add(backend)
    await this.#world.cut?.(backend)
  }

  async heal(backend: Backend): Promise<void> {
    this.#cut.delete(backend)
    await this.#world.heal?.(backend)
  }

  async restartArbiter(): Promise<void> {
    await this.#world.restartArbiter?.()
  }

  async loseNextReply(backend: Backend): Promise<void> {
    await this.#world.loseNextReply?.(backend)
  }

  async delayReplies(backend: Backend, ms: number): Promise<void> {
    await this.#world.delayReplies?.(backend, ms)
  }

  async evidence(id: string): Promise<void> {
    await this.#world.evidence?.(id)
  }

  openHandles(): readonly string[] {
    return this.#world.openHandles?.() ?? []
  }

  /** The hooks of `needs` that this world neither has nor was declared to lack. */
  missing(needs: readonly FaultHook[]): readonly FaultHook[] {
    return needs.filter((hook) => this.#world[hook] === undefined)
  }

  track(log: CandidacyLog): void {
    this.#candidacies.push(log)
  }

  trackObservation(log: ObservationLog): void {
    this.#observations.push(log)
  }

  /** Holds a new grant against every other of its election, at the instant at which it is told. */
  granted(winner: CandidacyLog): void {
    this.#grants.push(winner)
    if (winner.request.exclusivity !== 'time') return
    for (const other of this.#candidacies) {
      if (other === winner || other.request.election !== winner.request.election) continue
      if (other.believes()) {
        this.#breaches.push(`${winner.label} won while ${other.label} was still sure that it leads`)
      }
    }
  }

  /** Every breach so far, of any rule that holds in every case. */
  breaches(): readonly string[] {
    return [
      ...this.#breaches,
      ...this.#tokenBreaches(),
      ...this.#candidacies.flatMap((log) => log.breaches),
      ...this.#observations.flatMap((log) => log.breaches),
    ]
  }

  #tokenBreaches(): readonly string[] {
    const breaches: string[] = []
    const newest = new Map<string, CandidacyLog>()
    for (const log of this.#grants) {
      const { election } = log.request
      const before = newest.get(election)
      const token = log.grant?.token ?? 0n
      if (before?.grant !== undefined && token <= before.grant.token) {
        breaches.push(`${log.label}: token ${token} granted after ${before.grant.token} of ${before.label}`)
      }
      newest.set(election, log)
    }
    return breaches
  }

  /** Ends every living process, however the case went, and then the world. */
  async close(): Promise<void> {
    for (const log of this.#candidacies) log.closing = true
    for (const backend of this.#cut) await this.heal(backend)
    const living = this.#backends.filter((backend) => !this.#dead.has(backend))
    const closing = living.map((backend, index) =>
      this.settles(`close() of process ${index}`, backend.close(), this.expiryMs),
    )
    try {
      await Promise.all(closing)
      assert.deepEqual(this.openHandles(), [], 'timers and sockets left open after every process had closed')
    } finally {
      await this.#world.close()
    }
  }

  /** What everybody was told, for the report of a failure. */
  #story(): readonly string[] {
    return this.#candidacies.slice(0, 12).map((log) => `  ${log.label}: ${stateOf(log)}`)
  }
}

function stateOf(log: CandidacyLog): string {
  const parts: string[] = []
  if (log.ahead.length > 0) parts.push(`waited behind ${log.ahead.join(', ')}`)
  if (log.grant !== undefined) parts.push(`won token ${log.grant.token}, renewed ${log.renewals} times`)
  if (log.gaveUp) parts.push('left')
  if (log.end !== undefined) parts.push(`ended: ${log.end.reason}`)
  return parts.length === 0 ? 'told nothing' : parts.join('; ')
}
