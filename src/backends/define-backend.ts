import { hostname } from 'node:os'
import { askHolder } from './ask-holder.ts'
import { checkCandidateId, checkElectionName, checkLease } from './backend.ts'
import type {
  Backend,
  BackendDriver,
  BackendEnv,
  BackendFacts,
  BackgroundFailure,
  Cancellable,
  Guarantee,
  LeaseTiming,
  Observer,
  OperatorAnswer,
  OperatorRequest,
  SessionRequest,
  SessionShare,
  SessionTicket,
  ShareOptions,
} from './backend.ts'
import { GuardedSession } from './guarded-session.ts'
import { SharedResource } from './shared-resource.ts'
import type { Reference } from './shared-resource.ts'
import { MandateError } from '../errors.ts'
import type { Clock } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import { systemClock } from '../system/clock.ts'
import { systemRandom } from '../system/random.ts'

export interface BackendOptions {
  /** @default the system's clocks */
  readonly clock?: Clock | undefined
  /** @default the system's source of chance */
  readonly random?: Random | undefined
  /** Told of failures that belong to no call of the user's. @default a process warning */
  readonly onBackgroundFailure?: ((failure: BackgroundFailure) => void) | undefined
  readonly timing: LeaseTiming
  /** @default host name and a random suffix, the same for every election on this backend */
  readonly defaultCandidateId?: string | undefined
}

/**
 * Makes a `Backend` of what the author of a backend writes: started once by its first use, its sessions and its
 * observer shared, stopped after its last use, closed once. Calls `create` at once, for the facts, and again for each
 * later start; it must do no work, and a driver whose `start` failed is thrown away.
 */
export function defineBackend<Its extends Guarantee = 'linearizable'>(
  create: (env: BackendEnv) => BackendDriver<Its>,
  options: BackendOptions,
): Backend<Its> {
  return new DefinedBackend(create, options)
}

interface OpenSession<Its extends Guarantee> {
  readonly session: GuardedSession
  readonly driver: Reference<BackendDriver<Its>>
}

type OpenObserver<Its extends Guarantee> = {
  readonly observer: Observer & { close(): Promise<void> }
  readonly driver: Reference<BackendDriver<Its>>
}

class DefinedBackend<Its extends Guarantee> implements Backend<Its> {
  readonly facts: BackendFacts<Its>
  readonly env: BackendEnv
  readonly timing: LeaseTiming
  readonly defaultCandidateId: string
  readonly releaseSession?: (ticket: SessionTicket, o: Cancellable) => Promise<'released' | 'gone'>
  readonly ask?: (request: OperatorRequest, o: Cancellable) => Promise<OperatorAnswer>
  readonly #driver: SharedResource<BackendDriver<Its>>
  readonly #observer: SharedResource<OpenObserver<Its>>
  /** By (candidate id, lease): two leases are two liveness ties. */
  readonly #sessions = new Map<string, SharedResource<OpenSession<Its>>>()
  readonly #beforeClose = new Set<() => Promise<void>>()
  #startedByHand: Reference<BackendDriver<Its>> | undefined
  #closing: Promise<void> | undefined

  constructor(create: (env: BackendEnv) => BackendDriver<Its>, options: BackendOptions) {
    this.timing = options.timing
    this.env = environment(options)
    this.defaultCandidateId =
      options.defaultCandidateId ?? `${hostname().slice(0, 200)}-${this.env.random.id()}`
    let next: BackendDriver<Its> | undefined = create(this.env)
    this.facts = next.facts
    if (next.releaseSession !== undefined)
      this.releaseSession = (ticket, o) => this.#releaseSession(ticket, o)
    if (next.facts.operatorRequests === true && next.ask !== undefined)
      this.ask = (request, o) => this.#ask(request, o)
    this.#driver = new SharedResource<BackendDriver<Its>>({
      open: async (o) => {
        const driver = next ?? create(this.env)
        next = undefined
        await driver.start?.(o)
        return driver
      },
      close: async (driver) => driver.close?.(),
      closeFailed: (error) => this.env.report({ during: 'close of the backend', error }),
    })
    this.#observer = new SharedResource<OpenObserver<Its>>({
      open: (o) =>
        this.#onDriver(o, async (driver) => ({ observer: await driver.value.openObserver(o), driver })),
      close: ({ observer, driver }) => inTurn(() => observer.close(), driver),
      closeFailed: (error) => this.env.report({ during: 'close of the observer', error }),
    })
  }

  async start(o: Cancellable = {}): Promise<void> {
    const reference = await this.#whileOpen(() => this.#driver.acquire(o))
    if (this.#startedByHand === undefined) this.#startedByHand = reference
    else await reference.release()
  }

  async share(request: SessionRequest, o: ShareOptions): Promise<SessionShare> {
    const leaseMs = request.leaseMs ?? this.timing.leaseMs
    checkLease(leaseMs, this.facts, this.timing)
    checkCandidateId(request.candidateId, 'candidateId')
    const key = JSON.stringify([request.candidateId, leaseMs])
    const reference = await this.#whileOpen(() => this.#session(key, { ...request, leaseMs }).acquire(o))
    const forget = this.#callBeforeClose(o)
    return {
      session: reference.value.session,
      leave: async (options) => {
        forget()
        await reference.release(options)
        if (this.#sessions.get(key)?.idle === true) this.#sessions.delete(key)
      },
    }
  }

  async shareObserver(o: ShareOptions): Promise<{ readonly observer: Observer; leave(): Promise<void> }> {
    const reference = await this.#whileOpen(() => this.#observer.acquire(o))
    const forget = this.#callBeforeClose(o)
    return {
      observer: reference.value.observer,
      leave: () => {
        forget()
        return reference.release()
      },
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#shutDown())
  }

  async #shutDown(): Promise<void> {
    // What stands on the backend goes first: its work drains while its leases are still kept.
    const ends = await Promise.allSettled([...this.#beforeClose].map((end) => end()))
    for (const end of ends) {
      if (end.status === 'rejected') this.env.report({ during: 'close of an election', error: end.reason })
    }
    await Promise.all([...this.#sessions.values(), this.#observer].map((shared) => shared.shutDown()))
    this.#sessions.clear()
    await this.#driver.shutDown()
  }

  #session(key: string, request: SessionRequest): SharedResource<OpenSession<Its>> {
    const known = this.#sessions.get(key)
    if (known !== undefined) return known
    const shared: SharedResource<OpenSession<Its>> = new SharedResource({
      open: (o) =>
        this.#onDriver(o, async (driver) => {
          const session = await driver.value.open(request, o)
          const open = {
            session: new GuardedSession(session, {
              facts: this.facts,
              candidateId: request.candidateId,
              lost: () => shared.retire(open),
            }),
            driver,
          }
          return open
        }),
      close: ({ session, driver }, o) => inTurn(() => session.close(o), driver),
      closeFailed: (error) => this.env.report({ during: 'close of a session', error }),
    })
    this.#sessions.set(key, shared)
    return shared
  }

  /** Holds the driver for as long as what `open` makes of it lives; lets go if it makes nothing. */
  async #onDriver<T>(
    o: Cancellable,
    open: (driver: Reference<BackendDriver<Its>>) => Promise<T>,
  ): Promise<T> {
    const driver = await this.#driver.acquire(o)
    try {
      return await open(driver)
    } catch (error) {
      await driver.release()
      throw error
    }
  }

  async #releaseSession(ticket: SessionTicket, o: Cancellable): Promise<'released' | 'gone'> {
    const driver = await this.#whileOpen(() => this.#driver.acquire(o))
    try {
      return (await driver.value.releaseSession?.(ticket, o)) ?? 'gone'
    } finally {
      await driver.release()
    }
  }

  async #ask(request: OperatorRequest, o: Cancellable): Promise<OperatorAnswer> {
    checkElectionName(request.election, this.facts)
    if (request.to !== null) checkCandidateId(request.to, 'to')
    const { observer, leave } = await this.shareObserver(o)
    try {
      return await askHolder(request, o, {
        observer,
        ask: (asked, options) => this.#askDriver(asked, options),
      })
    } finally {
      await leave()
    }
  }

  async #askDriver(request: OperatorRequest, o: Cancellable): Promise<'told' | 'no-such-candidate'> {
    const driver = await this.#whileOpen(() => this.#driver.acquire(o))
    try {
      const answer = driver.value.ask?.(request, o)
      if (answer !== undefined) return await answer
    } finally {
      await driver.release()
    }
    throw new MandateError('UNSUPPORTED', 'this backend has no way to its holders', { feature: 'ask' })
  }

  async #whileOpen<T>(acquire: () => Promise<Reference<T>>): Promise<Reference<T>> {
    if (this.#closing !== undefined) throw closed()
    let reference: Reference<T>
    try {
      reference = await acquire()
    } catch (error) {
      throw this.#closing === undefined ? error : closed()
    }
    if (this.#closing === undefined) return reference
    await reference.release()
    throw closed()
  }

  #callBeforeClose(o: ShareOptions): () => void {
    const { beforeClose } = o
    if (beforeClose === undefined) return () => undefined
    // A function of its own: one election may hold two shares with one callback.
    const call = (): Promise<void> => beforeClose()
    this.#beforeClose.add(call)
    return () => void this.#beforeClose.delete(call)
  }
}

async function inTurn(close: () => Promise<void>, driver: { release(): Promise<void> }): Promise<void> {
  try {
    await close()
  } finally {
    await driver.release()
  }
}

function environment(options: BackendOptions): BackendEnv {
  const report = options.onBackgroundFailure ?? warn
  return {
    clock: options.clock ?? systemClock(),
    random: options.random ?? systemRandom(),
    report: (failure) => {
      try {
        report(failure)
      } catch (error) {
        // The listener is the user's: its bug must not end a renewal.
        warn({ during: 'onBackgroundFailure', error })
      }
    },
  }
}

function warn(failure: BackgroundFailure): void {
  const reason = failure.error instanceof Error ? failure.error.message : String(failure.error)
  process.emitWarning(`${failure.during}: ${reason}`, 'MandateWarning')
}

function closed(): MandateError<'CLOSED'> {
  return new MandateError('CLOSED', 'the backend was closed; make a new one', { what: 'backend' })
}
