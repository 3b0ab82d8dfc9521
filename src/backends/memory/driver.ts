import type {
  BackendDriver,
  BackendFacts,
  Cancellable,
  Observer,
  OperatorRequest,
  SessionRequest,
  SessionTicket,
} from '../backend.ts'
import type { ExchangeReply } from './messages.ts'
import { MemoryObserver } from './observer.ts'
import { MemorySession } from './session.ts'
import type { MemoryWorld } from './world.ts'
import { MandateError } from '../../errors.ts'
import { settledOrAborted } from '../settled.ts'
import type { Instant, Timer } from '../../seams/clock.ts'

export const memoryFacts: BackendFacts = {
  guarantee: 'linearizable',
  exclusivity: ['time', 'token'],
  tokenSource: 'counter of the memory space',
  order: 'fair',
  transfer: 'directed',
  proclaim: true,
  earlyLoss: ['operator'],
  operatorRequests: true,
  limits: { minLeaseMs: 10, nameBytes: 253, metadataBytes: 4096, nestedNames: true },
}

const RETRY_MS = 100
const OPEN_MS = 3000

type Opened =
  | { readonly is: 'opened'; readonly sentAt: Instant }
  | { readonly is: 'refused'; readonly error: MandateError }

export class MemoryDriver implements BackendDriver {
  readonly facts = memoryFacts
  readonly #world: MemoryWorld

  constructor(world: MemoryWorld) {
    this.#world = world
  }

  async open(request: SessionRequest, o: Cancellable): Promise<MemorySession> {
    const key = this.#world.env.random.id()
    const leaseMs = request.leaseMs ?? this.#world.timing.leaseMs
    const opening: { session?: MemorySession } = {}
    const push = (reply: ExchangeReply): void => opening.session?.receive(reply)
    const opened = await this.#untilAnswered(o, key, () => {
      const { arbiter, link } = this.#world
      return arbiter.open({ session: key, id: request.candidateId, leaseMs }, link, push)
    })
    if (opened.is === 'refused') throw opened.error
    opening.session = new MemorySession(this.#world, key, leaseMs, opened.sentAt)
    return opening.session
  }

  openObserver(): Promise<Observer & { close(): Promise<void> }> {
    return Promise.resolve(new MemoryObserver(this.#world))
  }

  releaseSession(ticket: SessionTicket, o: Cancellable): Promise<'released' | 'gone'> {
    const { arbiter, link } = this.#world
    return new Promise((resolve, reject) => {
      const stop = this.#deadline(o, reject)
      link.toArbiter(() => {
        const is = arbiter.releaseSession(ticket)
        link.toClient(() => {
          stop()
          resolve(is)
        })
      })
    })
  }

  /** Repeated until it is answered: the holder may be cut off, and so may this process. */
  async ask(request: OperatorRequest, { signal }: Cancellable): Promise<'told' | 'no-such-candidate'> {
    const { arbiter, link, env } = this.#world
    let retry: Timer | undefined
    const answer = new Promise<'told' | 'no-such-candidate'>((resolve) => {
      const send = (): void => {
        link.toArbiter(() => arbiter.ask(request, (is) => link.toClient(() => resolve(is))))
        retry = env.clock.setTimer(RETRY_MS, send)
      }
      send()
    })
    try {
      return await settledOrAborted(answer, signal)
    } finally {
      retry?.cancel()
    }
  }

  /** Asks again until an answer came: the arbiter takes the same session key for the same request. */
  #untilAnswered(o: Cancellable, key: string, ask: () => MandateError | undefined): Promise<Opened> {
    const { arbiter, link, env } = this.#world
    return new Promise((resolve, reject) => {
      let retry: Timer | undefined
      const stop = this.#deadline(o, (error) => {
        retry?.cancel()
        link.toArbiter(() => arbiter.close(key))
        reject(error)
      })
      const send = (): void => {
        const sentAt = env.clock.upper()
        link.toArbiter(() => {
          const error = ask()
          link.toClient(() => {
            stop()
            retry?.cancel()
            resolve(error === undefined ? { is: 'opened', sentAt } : { is: 'refused', error })
          })
        })
        retry = env.clock.setTimer(RETRY_MS, send)
      }
      if (o.signal?.aborted !== true) send()
    })
  }

  /** Calls `fail` once when `signal` aborts, the process is killed or it takes too long; the result stops that. */
  #deadline(o: Cancellable, fail: (error: MandateError) => void): () => void {
    const { env, link } = this.#world
    const { signal } = o
    const stops: (() => void)[] = []
    const stop = (): void => {
      for (const each of stops.splice(0)) each()
    }
    const failWith = (error: MandateError): void => {
      if (stops.length === 0) return
      stop()
      fail(error)
    }
    const abort = (): void =>
      failWith(
        new MandateError('CANCELLED', 'cancelled by its signal', { reason: signal?.reason as unknown }),
      )
    const timer = env.clock.setTimer(OPEN_MS, () => failWith(unavailable()))
    const linkWatch = link.watch({ killed: () => queueMicrotask(() => failWith(unavailable())) })
    stops.push(
      () => timer.cancel(),
      () => linkWatch.cancel(),
      () => signal?.removeEventListener('abort', abort),
    )
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted === true) queueMicrotask(abort)
    return stop
  }
}

function unavailable(): MandateError<'BACKEND_UNAVAILABLE'> {
  return new MandateError(
    'BACKEND_UNAVAILABLE',
    'the memory space does not answer: the backend was cut off',
    {
      tried: [{ target: 'memory', reason: `no answer in ${OPEN_MS} ms` }],
    },
  )
}
