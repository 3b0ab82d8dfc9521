/**
 * One session at Consul, from its creation to its end: renewed from the instant before each request was sent, and with a
 * linked check kept passing at the agent.
 *
 * Why nobody else leads while `renewal` stands. Consul ends a session no sooner than its time to live after the last
 * renewal that it applied (it waits up to twice that), and the agent lets a check fail no sooner than its time after the
 * last heartbeat that it took. Both are counted here from before the request was sent. What can end a session sooner
 * (an operator, a restarted agent) is told by the watch of each key and kept off by the lock delay; see docs/consul.md.
 */
import { isMandateError, MandateError } from '../../errors.ts'
import { holderValidityMs } from '../../lease/deadline.ts'
import type { Instant, Timer } from '../../seams/clock.ts'
import { between } from '../../seams/random.ts'
import type { BackendEnv, Cancellable, LeaseTiming, LossReason, Renewal } from '../backend.ts'
import { pause } from '../settled.ts'
import type { ConsulApi, SessionSpec } from './api.ts'
import { durationText } from './duration-text.ts'
import type { ConsulSettings } from './options.ts'

export interface TieOptions {
  readonly api: ConsulApi
  readonly env: BackendEnv
  readonly timing: LeaseTiming
  readonly settings: ConsulSettings
  readonly candidateId: string
  readonly ttlMs: number
  readonly checkMs: number | undefined
}

export interface TieEvents {
  renewed(renewal: Renewal): void
  /** Exactly once, unless it was closed: the session is gone at Consul. */
  lost(reason: LossReason, cause: unknown): void
}

/** Of a request while nobody leads by this session yet: only its sender waits. */
const OPEN_MS = 5000

/** How long a check may be on its way from the agent to the servers, in ms. */
const CHECK_SYNC_MS = 5000

export class Tie {
  readonly #options: TieOptions
  readonly #on: TieEvents
  readonly #incarnation: string
  readonly #abort = new AbortController()
  #session: string | undefined
  #sessionRenewal: Renewal | undefined
  #checkRenewal: Renewal | undefined
  /** The newest that was told. */
  #newest: Renewal | undefined
  #renewTimer: Timer | undefined
  #beatTimer: Timer | undefined
  #renewing: Promise<void> | undefined
  #missedBeats = 0
  #over = false

  private constructor(options: TieOptions, on: TieEvents) {
    this.#options = options
    this.#on = on
    this.#incarnation = options.env.random.id()
  }

  /** @throws BACKEND_UNAVAILABLE, FORBIDDEN, UNAUTHORIZED, INVALID_OPTIONS, CANCELLED */
  static async open(options: TieOptions, on: TieEvents, { signal }: Cancellable): Promise<Tie> {
    const tie = new Tie(options, on)
    try {
      await tie.#open(signal)
      return tie
    } catch (error) {
      void tie.#undo()
      throw error
    }
  }

  get session(): string {
    return this.#session ?? ''
  }

  get over(): boolean {
    return this.#over
  }

  get checkId(): string | undefined {
    return this.#options.checkMs === undefined ? undefined : `mandate-${this.#incarnation}`
  }

  /** Begins the name of every session of this candidate id, of whatever process. */
  get namePrefix(): string {
    const { candidateId, settings } = this.#options
    return `Mandate candidate ${JSON.stringify(candidateId)} at ${JSON.stringify(settings.prefix)} `
  }

  /** The newest renewal that counts for both ties, if it has not run out. */
  get renewal(): Renewal | undefined {
    const renewal = this.#newest
    if (renewal === undefined) return undefined
    const { env, timing } = this.#options
    return env.clock.elapsedMs(renewal.sentAt) < holderValidityMs(renewal.grantedMs, timing)
      ? renewal
      : undefined
  }

  /** Why a grant of this session ends that is no longer there. */
  get reason(): LossReason {
    if (this.renewal === undefined) return 'expired'
    return this.#missedBeats > 0 || this.#isBeatOverdue() ? 'health-check' : 'revoked'
  }

  /** The agent may have let the check fail while a heartbeat was on its way. */
  #isBeatOverdue(): boolean {
    const { env, checkMs } = this.#options
    const beat = this.#checkRenewal
    return checkMs !== undefined && beat !== undefined && env.clock.elapsedMs(beat.sentAt) > checkMs / 2
  }

  /** Renews now: finds out whether the session still is. Settles in bounded time. */
  verify(): Promise<void> {
    return this.#renew()
  }

  /** Keeps nothing running; the session is left as it is. */
  stop(): void {
    this.#over = true
    this.#abort.abort()
    this.#renewTimer?.cancel()
    this.#beatTimer?.cancel()
  }

  /** Ends the session at Consul. Release what it holds before: keys that it still has are kept from everybody for the lock delay. */
  async close(timeoutMs: number, { signal }: Cancellable): Promise<void> {
    const wasOver = this.#over
    this.stop()
    if (wasOver) return
    const { api } = this.#options
    try {
      await api.destroySession(this.session, { timeoutMs, signal })
    } finally {
      if (this.checkId !== undefined) await api.deregisterCheck(this.checkId, { timeoutMs, signal })
    }
  }

  // ---- opening --------------------------------------------------------------------------------------------------

  async #open(signal: AbortSignal | undefined): Promise<void> {
    const { api, env, checkMs } = this.#options
    const timeoutMs = OPEN_MS
    let checkedFrom: Instant | undefined
    if (checkMs !== undefined && this.checkId !== undefined) {
      checkedFrom = env.clock.upper()
      const note = `${this.namePrefix}is alive`
      await api.registerCheck({ id: this.checkId, ttl: durationText(checkMs), note }, { timeoutMs, signal })
    }
    const created = await this.#create(signal)
    this.#session = created.id
    this.#sessionRenewal = { sentAt: created.sentAt, grantedMs: this.#options.ttlMs }
    if (checkMs !== undefined && checkedFrom !== undefined) {
      this.#checkRenewal = { sentAt: checkedFrom, grantedMs: checkMs }
      void this.#beat()
    }
    this.#tell()
    this.#scheduleRenewal(this.#options.ttlMs / 3)
  }

  async #create(signal: AbortSignal | undefined): Promise<{ readonly id: string; readonly sentAt: Instant }> {
    const { api, env } = this.#options
    const giveUpMs = env.clock.lower() + CHECK_SYNC_MS
    for (;;) {
      const sentAt = env.clock.upper()
      try {
        const id = await api.createSession(this.#spec(), { timeoutMs: OPEN_MS, signal })
        if (id !== undefined) return { id, sentAt }
      } catch (error) {
        // Whatever was asked for is found by its name, so that no second session is made beside it.
        if (!isMandateError(error, 'BACKEND_UNAVAILABLE') || signal?.aborted === true) throw error
        const id = await this.#findOwn(signal).catch(() => undefined)
        if (id === undefined) throw error
        return { id, sentAt }
      }
      if (env.clock.lower() > giveUpMs) throw checkMissing(this.checkId ?? 'serfHealth')
      await pause(env.clock, 20, signal)
      // The servers have not heard of it yet; until they do it must not fail at the agent.
      if (this.checkId !== undefined) await api.pass(this.checkId, { timeoutMs: OPEN_MS, signal })
    }
  }

  #spec(): SessionSpec {
    const { settings, ttlMs } = this.#options
    return {
      Name: `${this.namePrefix}(${this.#incarnation})`,
      TTL: durationText(ttlMs),
      LockDelay: durationText(settings.lockDelayMs),
      Behavior: 'release',
      NodeChecks: settings.serfHealth ? ['serfHealth'] : [],
      // Of a service, not of the machine: a failing check of that one would take all its services out of use.
      ...(this.checkId === undefined ? {} : { ServiceChecks: [{ ID: this.checkId }] }),
    }
  }

  async #findOwn(signal?: AbortSignal): Promise<string | undefined> {
    const sessions = await this.#options.api.listSessions({ timeoutMs: OPEN_MS, signal })
    return sessions.find(({ name }) => name.includes(this.#incarnation))?.id
  }

  /** A session that nobody wants: also one whose creation is still on its way, as far as that can be seen. */
  async #undo(): Promise<void> {
    this.stop()
    const { api } = this.#options
    const timeoutMs = OPEN_MS
    try {
      const id = this.#session ?? (await this.#findOwn())
      if (id !== undefined) await api.destroySession(id, { timeoutMs })
      if (this.checkId !== undefined) await api.deregisterCheck(this.checkId, { timeoutMs })
    } catch {
      // It ends by itself; and that opening failed is told already.
    }
  }

  // ---- staying --------------------------------------------------------------------------------------------------

  #scheduleRenewal(afterMs: number): void {
    if (this.#over) return
    this.#renewTimer?.cancel()
    this.#renewTimer = this.#options.env.clock.setTimer(afterMs, () => void this.#renew())
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => (this.#renewing = undefined))
    return this.#renewing
  }

  async #renewOnce(): Promise<void> {
    if (this.#over || this.#session === undefined) return
    const { api, env, ttlMs } = this.#options
    this.#renewTimer?.cancel()
    const sentAt = env.clock.upper()
    try {
      const grantedMs = await api.renewSession(this.#session, {
        timeoutMs: this.#timeoutMs,
        signal: this.#abort.signal,
      })
      if (this.#over) return
      if (grantedMs === undefined) return this.#lost(sessionGone(this.#session))
      this.#sessionRenewal = { sentAt, grantedMs }
      this.#tell()
      this.#scheduleRenewal(ttlMs / 3)
    } catch (error) {
      if (this.#over) return
      env.report({ during: 'renewal of the session', error })
      this.#scheduleRenewal(between(env.random, ttlMs / 40, ttlMs / 20))
    }
  }

  async #beat(): Promise<void> {
    const { api, env, checkMs } = this.#options
    if (this.#over || checkMs === undefined || this.checkId === undefined) return
    const sentAt = env.clock.upper()
    let nextMs = checkMs / 4
    try {
      const isKnown = await api.pass(this.checkId, { timeoutMs: checkMs / 2, signal: this.#abort.signal })
      if (this.#over) return
      // The agent restarted, or an operator took the check away: the servers end the session when they hear of it.
      if (!isKnown) return this.#forsake(this.checkId)
      this.#missedBeats = 0
      this.#checkRenewal = { sentAt, grantedMs: checkMs }
      this.#tell()
    } catch (error) {
      if (this.#over) return
      this.#missedBeats++
      env.report({ during: 'heartbeat at the agent', error })
      nextMs = between(env.random, checkMs / 20, checkMs / 10)
    }
    this.#beatTimer = env.clock.setTimer(nextMs, () => void this.#beat())
  }

  #forsake(check: string): void {
    this.#missedBeats++
    const session = this.session
    this.#lost(new Error(`the agent no longer knows the check '${check}' of session ${session}`))
    // Nobody keeps it alive any more, so nobody need wait for its end.
    void this.#options.api.destroySession(session, { timeoutMs: this.#timeoutMs }).catch(() => undefined)
  }

  #lost(cause: unknown): void {
    const { reason } = this
    this.stop()
    this.#on.lost(reason, cause)
  }

  /** Only what moves the deadline: a renewal of the one tie says nothing while the other is the shorter one. */
  #tell(): void {
    const renewal = this.#combined()
    if (renewal === undefined || this.#session === undefined) return
    if (this.#newest !== undefined && endOf(renewal) <= endOf(this.#newest)) return
    this.#newest = renewal
    this.#on.renewed(renewal)
  }

  /**
   * What both ties grant, as one: from the newer of the two instants, the shorter of what is left. With clocks within
   * their drift, `Δ / (1 - rho)` is the most of true time that lies between the two.
   */
  #combined(): Renewal | undefined {
    const [session, check] = [this.#sessionRenewal, this.#checkRenewal]
    if (session === undefined || this.#options.checkMs === undefined) return session
    if (check === undefined) return undefined
    const { env, timing } = this.#options
    const [sessionAge, checkAge] = [env.clock.elapsedMs(session.sentAt), env.clock.elapsedMs(check.sentAt)]
    if (!Number.isFinite(sessionAge) || !Number.isFinite(checkAge)) return undefined
    const [newer, older] = sessionAge < checkAge ? [session, check] : [check, session]
    const apartMs = Math.abs(sessionAge - checkAge) / (1 - timing.maxClockDrift)
    const grantedMs = Math.min(newer.grantedMs, older.grantedMs - apartMs)
    return grantedMs > 0 ? { sentAt: newer.sentAt, grantedMs } : undefined
  }

  /** Of a request of this session: two can fail, and the third still renews it in time. */
  get #timeoutMs(): number {
    return Math.max(500, Math.min(this.#options.checkMs ?? this.#options.ttlMs, this.#options.ttlMs) / 3)
  }
}

function endOf({ sentAt, grantedMs }: Renewal): number {
  return sentAt.monotonicMs + grantedMs
}

function sessionGone(session: string): Error {
  return new Error(`Consul has no session ${session} any more`)
}

function checkMissing(check: string): MandateError<'BACKEND_UNAVAILABLE'> {
  const reason = `the check '${check}' is not known to the servers after ${CHECK_SYNC_MS} ms`
  return new MandateError(
    'BACKEND_UNAVAILABLE',
    `${reason}: with \`checkMs\` the address must be that of one agent, not of a balancer before several`,
    { tried: [{ target: check, reason }] },
  )
}
