import type { Cancellable } from './backend.ts'
import { MandateError } from '../errors.ts'

/** One holder's share of a resource. */
export interface Reference<T> {
  readonly value: T
  /** Gives the share up; resolves after the resource is closed if it was the last. Idempotent. */
  release(o?: Cancellable): Promise<void>
}

export interface ResourceKind<T> {
  open(o: { readonly signal: AbortSignal }): Promise<T>
  close(value: T, o: Cancellable): Promise<void>
  /** Where a failed close goes: nobody waits for it with a use for the error. */
  closeFailed(error: unknown): void
}

/** One life of the resource, from the first who asked for it to the last who let go. */
interface Generation<T> {
  readonly abort: AbortController
  readonly opening: Promise<T>
  references: number
  opened: { readonly value: T } | undefined
  closing: Promise<void> | undefined
}

/**
 * Opens once for all who ask, closes after the last of them. A failed open is tried again by the next who asks; who
 * gives up waiting does not disturb the others, and when all have given up the open itself is aborted. A new life
 * begins only after the one before has ended.
 */
export class SharedResource<T> {
  readonly #kind: ResourceKind<T>
  readonly #live = new Set<Generation<T>>()
  #current: Generation<T> | undefined
  #before: Promise<unknown> = Promise.resolve()

  constructor(kind: ResourceKind<T>) {
    this.#kind = kind
  }

  /** Whether nobody holds, opens or closes it. */
  get idle(): boolean {
    return this.#live.size === 0
  }

  /** @throws CANCELLED, and whatever opening throws */
  async acquire(o: Cancellable): Promise<Reference<T>> {
    if (o.signal?.aborted === true) throw cancelled(o.signal)
    const generation = (this.#current ??= this.#begin())
    generation.references++
    try {
      const value = await unlessAborted(generation.opening, o.signal)
      if (generation.closing !== undefined)
        throw new MandateError('CLOSED', 'closed while opening', { what: 'backend' })
      return this.#reference(generation, value)
    } catch (error) {
      void this.#release(generation, {})
      throw error
    }
  }

  /** Its life is over although it has holders: the next who asks opens a new one, without waiting for them. */
  retire(value: T): void {
    if (this.#current?.opened?.value === value) this.#current = undefined
  }

  /** Closes it under whoever still holds it. */
  async shutDown(): Promise<void> {
    await Promise.all([...this.#live].map((generation) => this.#end(generation, {})))
  }

  #reference(generation: Generation<T>, value: T): Reference<T> {
    let released: Promise<void> | undefined
    return { value, release: (o = {}) => (released ??= this.#release(generation, o)) }
  }

  #begin(): Generation<T> {
    const abort = new AbortController()
    const opening = this.#before.then(async () => {
      if (abort.signal.aborted) throw cancelled(abort.signal)
      const value = await this.#kind.open({ signal: abort.signal })
      generation.opened = { value }
      return value
    })
    const generation: Generation<T> = { abort, opening, references: 0, opened: undefined, closing: undefined }
    this.#live.add(generation)
    opening.catch(() => {
      if (this.#current === generation) this.#current = undefined
    })
    return generation
  }

  #release(generation: Generation<T>, o: Cancellable): Promise<void> {
    generation.references--
    if (generation.references > 0) return Promise.resolve()
    return this.#end(generation, o)
  }

  #end(generation: Generation<T>, o: Cancellable): Promise<void> {
    if (generation.closing !== undefined) return generation.closing
    const wasCurrent = this.#current === generation
    if (wasCurrent) this.#current = undefined
    if (generation.opened === undefined) generation.abort.abort()
    generation.closing = this.#close(generation, o).finally(() => this.#live.delete(generation))
    // A retired life is dead already: nobody need wait until its holders have noticed.
    if (wasCurrent) this.#before = Promise.all([this.#before, generation.closing])
    return generation.closing
  }

  async #close(generation: Generation<T>, o: Cancellable): Promise<void> {
    let value: T
    try {
      value = await generation.opening
    } catch {
      return
    }
    try {
      await this.#kind.close(value, o)
    } catch (error) {
      this.#kind.closeFailed(error)
    }
  }
}

function cancelled(signal: AbortSignal): MandateError {
  return new MandateError(
    'CANCELLED',
    'cancelled by its signal',
    { reason: signal.reason },
    { cause: signal.reason },
  )
}

/** Settles as `promise`, or rejects with CANCELLED as soon as `signal` aborts; `promise` goes on. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(cancelled(signal))
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
