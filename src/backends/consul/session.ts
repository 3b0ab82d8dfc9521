/**
 * The session of one candidate id: a tie to Consul with any number of candidacies on it. It outlives the tie: when that
 * is lost, who leads has lost, and who waits goes on waiting under the next one.
 */
import { setMaxListeners } from 'node:events'
import { isMandateError, MandateError } from '../../errors.ts'
import type { Timer } from '../../seams/clock.ts'
import { between } from '../../seams/random.ts'
import type {
  BackendEnv,
  Cancellable,
  Candidacy,
  CandidacyEvents,
  CandidacyRequest,
  LeaseTiming,
  LossReason,
  ObserveEvents,
  Renewal,
  Session,
  SessionTicket,
} from '../backend.ts'
import { Observations } from '../observations.ts'
import type { ConsulApi } from './api.ts'
import { ConsulCandidacy } from './candidacy.ts'
import { waitForTwins } from './identity.ts'
import { keyOf } from '../../fencing/consul/layout.ts'
import { observeKey } from './observer.ts'
import type { ConsulSettings } from './options.ts'
import { encodeTicket } from './release.ts'
import { Tie } from './tie.ts'
import type { Watches } from './watches.ts'

export interface SessionOptions {
  readonly api: ConsulApi
  readonly env: BackendEnv
  readonly timing: LeaseTiming
  readonly settings: ConsulSettings
  readonly watches: Watches
  readonly scope: string
  readonly candidateId: string
  readonly ttlMs: number
  readonly checkMs: number | undefined
  /** Called once, when the session is over. */
  readonly closed: () => void
}

const REOPEN_MIN_MS = 200
const REOPEN_MAX_MS = 5000

/** A release that takes longer is left to the end of the session. */
const CLOSE_MS = 5000

export class ConsulSession implements Session {
  readonly scope: string
  readonly #options: SessionOptions
  readonly #candidacies = new Map<string, ConsulCandidacy>()
  /** Candidacies whose key is still being given back: the next one in that election waits for it. */
  readonly #leaving = new Map<string, Promise<unknown>>()
  readonly #observations = new Observations()
  /** Ends the opening of ties. */
  readonly #abort = new AbortController()
  /** Ends the releases too. */
  readonly #over = new AbortController()
  #tie: Tie | undefined
  #opening: Promise<void> | undefined
  #failures = 0
  #reopenTimer: Timer | undefined
  #told: ((renewal: Renewal) => void) | undefined
  #closing: Promise<void> | undefined

  private constructor(options: SessionOptions) {
    this.#options = options
    this.scope = options.scope
    // Every request of every election listens: a thousand are no leak.
    setMaxListeners(0, this.#over.signal)
  }

  /** @throws DUPLICATE_ID, BACKEND_UNAVAILABLE, UNAUTHORIZED, FORBIDDEN, INVALID_OPTIONS, CANCELLED */
  static async open(options: SessionOptions, { signal }: Cancellable): Promise<ConsulSession> {
    const session = new ConsulSession(options)
    try {
      await session.#open(signal)
      return session
    } catch (error) {
      options.closed()
      throw error
    }
  }

  enter(request: CandidacyRequest, on: CandidacyEvents): Candidacy {
    const { election } = request
    const candidacy = this.#candidacyOf(request, on)
    if (typeof candidacy === 'string') return refusedCandidacy(on, this.#closedError(candidacy))
    if (candidacy instanceof MandateError) return refusedCandidacy(on, candidacy)
    this.#candidacies.set(election, candidacy)
    const before = this.#leaving.get(election)
    void candidacy.over.then(() => {
      if (this.#candidacies.get(election) === candidacy) this.#candidacies.delete(election)
    })
    // Also of those before it: one that is left while it waits for them is over at once, and the key may still be theirs.
    const over = Promise.all([before, candidacy.over]).then(() => {
      if (this.#leaving.get(election) === over) this.#leaving.delete(election)
    })
    this.#leaving.set(election, over)
    if (before === undefined) candidacy.start()
    else void before.then(() => candidacy.start())
    if (this.#tie === undefined) this.#reopenSoon(0)
    return candidacy
  }

  observe(election: string, on: ObserveEvents): { close(): void } {
    const { api, env, settings, watches } = this.#options
    return this.#observations.add(observeKey({ api, env, settings, watches }, election, on))
  }

  onRenewed(told: (renewal: Renewal) => void): void {
    this.#told = told
  }

  ticket(): SessionTicket {
    const keys = [...this.#candidacies.values()].filter((each) => each.holds).map(({ key }) => key)
    return encodeTicket({ session: this.#tie?.session ?? '', check: this.#tie?.checkId, keys })
  }

  close(o: Cancellable): Promise<void> {
    return (this.#closing ??= this.#close(o))
  }

  async #close({ signal }: Cancellable): Promise<void> {
    this.#abort.abort()
    this.#reopenTimer?.cancel()
    this.#observations.closeAll()
    const { env, closed } = this.#options
    // Everybody stops before anything is free.
    for (const candidacy of this.#candidacies.values()) candidacy.close()
    const limit = new AbortController()
    const giveUp = (): void => limit.abort()
    const patience = env.clock.setTimer(CLOSE_MS, giveUp)
    signal?.addEventListener('abort', giveUp, { once: true })
    if (signal?.aborted === true) giveUp()
    try {
      await this.#opening?.catch(() => undefined)
      await untilAborted(Promise.all(this.#leaving.values()), limit.signal)
      await this.#tie?.close(Math.min(this.#leaseMs, CLOSE_MS), { signal: limit.signal })
    } catch (error) {
      env.report({ during: 'close of a session, which its expiry will end', error })
    } finally {
      this.#tie?.stop()
      this.#over.abort()
      patience.cancel()
      signal?.removeEventListener('abort', giveUp)
      closed()
    }
  }

  // ---- the tie --------------------------------------------------------------------------------------------------

  async #open(signal: AbortSignal | undefined): Promise<void> {
    let isOurs = true
    const tie: Tie = await Tie.open(
      this.#options,
      {
        renewed: (renewal) => this.#renewed(renewal),
        lost: (reason, cause) => {
          isOurs = false
          if (this.#tie === tie) this.#lost(reason, cause)
        },
      },
      { signal },
    )
    try {
      await waitForTwins(this.#options, tie, { signal })
      if (!isOurs) throw new MandateError('BACKEND_UNAVAILABLE', 'the session ended while it was opened', {})
    } catch (error) {
      void tie.close(CLOSE_MS, {}).catch(() => undefined)
      throw error
    }
    this.#tie = tie
  }

  #renewed(renewal: Renewal): void {
    for (const candidacy of this.#candidacies.values()) candidacy.renewed(renewal, this.#told === undefined)
    this.#told?.(renewal)
  }

  #lost(reason: LossReason, cause: unknown): void {
    this.#tie = undefined
    for (const candidacy of [...this.#candidacies.values()]) candidacy.untied(reason, cause)
    this.#reopenSoon(0)
  }

  /** Only for somebody who stands. */
  #reopenSoon(afterMs: number): void {
    if (this.#opening !== undefined || this.#reopenTimer !== undefined || this.#abort.signal.aborted) return
    const { clock } = this.#options.env
    this.#reopenTimer = clock.setTimer(afterMs, () => {
      this.#reopenTimer = undefined
      if (this.#tie !== undefined || this.#standing().length === 0) return
      this.#opening = this.#reopen().finally(() => (this.#opening = undefined))
      void this.#opening
    })
  }

  async #reopen(): Promise<void> {
    const { env } = this.#options
    try {
      await this.#open(this.#abort.signal)
      this.#failures = 0
      for (const candidacy of this.#standing()) candidacy.tied()
    } catch (error) {
      if (this.#abort.signal.aborted) return
      if (isMandateError(error, 'BACKEND_UNAVAILABLE') || isMandateError(error, 'PROTOCOL_ERROR')) {
        env.report({ during: 'opening a new session', error })
        const maxMs = Math.min(REOPEN_MAX_MS, REOPEN_MIN_MS * 2 ** this.#failures++)
        queueMicrotask(() => this.#reopenSoon(between(env.random, maxMs / 2, maxMs)))
        return
      }
      for (const candidacy of this.#standing()) candidacy.end('refused', error)
    }
  }

  #standing(): readonly ConsulCandidacy[] {
    return [...this.#candidacies.values()].filter((each) => !each.ended)
  }

  #candidacyOf(request: CandidacyRequest, on: CandidacyEvents): ConsulCandidacy | MandateError | string {
    if (this.#closing !== undefined) return 'session'
    const { api, env, watches, settings, candidateId } = this.#options
    let key: string
    try {
      key = keyOf(request.election, settings)
    } catch (error) {
      if (isMandateError(error)) return error
      throw error
    }
    const host = {
      api,
      env,
      watches,
      candidateId,
      tokenBase: settings.tokenBase,
      requestMs: Math.max(500, Math.min(this.#leaseMs / 3, CLOSE_MS)),
      patienceMs: Math.min(this.#leaseMs, CLOSE_MS),
      tie: () => this.#tie,
      signal: this.#over.signal,
    }
    return new ConsulCandidacy(host, key, request, on)
  }

  get #leaseMs(): number {
    return this.#options.checkMs ?? this.#options.ttlMs
  }

  #closedError(what: string): MandateError<'CLOSED'> {
    return new MandateError('CLOSED', 'The session is closed.', { what })
  }
}

/** A candidacy that never reaches Consul. */
function refusedCandidacy(on: CandidacyEvents, cause: MandateError): Candidacy {
  let left = false
  queueMicrotask(() => {
    if (!left) on.ended({ reason: 'refused', cause })
  })
  return {
    leave: () => {
      left = true
      return Promise.resolve('was-not-holder')
    },
    transfer: () => Promise.resolve('refused'),
    proclaim: () => Promise.resolve('was-not-holder'),
  }
}

function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      signal.removeEventListener('abort', settle)
      resolve()
    }
    signal.addEventListener('abort', settle, { once: true })
    void promise.then(settle, settle)
    if (signal.aborted) settle()
  })
}
