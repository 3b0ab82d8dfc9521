/**
 * An operator's request to the holder of an election, around what a driver does of it: nobody is asked about a
 * leadership that does not stand, and nobody waits for the answer of one that has ended.
 */
import type { Cancellable, Observer, OperatorAnswer, OperatorRequest } from './backend.ts'
import { MandateError } from '../errors.ts'

export interface AskingParts {
  readonly observer: Observer
  /** The driver's part. */
  ask(request: OperatorRequest, o: Cancellable): Promise<'told' | 'no-such-candidate'>
}

/** @throws CANCELLED, and whatever the driver throws */
export async function askHolder(
  request: OperatorRequest,
  { signal }: Cancellable,
  { observer, ask }: AskingParts,
): Promise<OperatorAnswer> {
  const watch = new TokenWatch(observer, request)
  const stop = new AbortController()
  const abort = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted === true) abort()
  const cancelled = new Promise<never>((_, reject) => {
    const fail = (): void => reject(cancelledBy(stop.signal))
    if (stop.signal.aborted) fail()
    stop.signal.addEventListener('abort', fail, { once: true })
  })
  // Also when it is won by nobody: the end aborts it.
  cancelled.catch(() => undefined)
  try {
    if ((await Promise.race([watch.first, cancelled])) === 'over') return 'over'
    const asking = ask(request, { signal: stop.signal })
    asking.catch(() => undefined)
    return await Promise.race([asking, watch.ended, cancelled])
  } finally {
    signal?.removeEventListener('abort', abort)
    stop.abort()
    watch.close()
  }
}

/** Follows an election for as long as one leadership of it may stand. What is not known changes nothing. */
class TokenWatch {
  /** Whether the leadership stood when it was looked at first. */
  readonly first: Promise<'stands' | 'over'>
  readonly ended: Promise<'ended'>
  readonly #observation: { close(): void }

  constructor(observer: Observer, { election, token }: OperatorRequest) {
    let looked!: (first: 'stands' | 'over') => void
    let end!: (ended: 'ended') => void
    this.first = new Promise((resolve) => (looked = resolve))
    this.ended = new Promise((resolve) => (end = resolve))
    const over = (): void => {
      // Only the first of these counts.
      looked('over')
      end('ended')
    }
    this.#observation = observer.observe(election, {
      led: (leader) => (leader.token === token ? looked('stands') : over()),
      vacant: over,
      unknown: () => undefined,
    })
  }

  close(): void {
    this.#observation.close()
  }
}

function cancelledBy(signal: AbortSignal): MandateError<'CANCELLED'> {
  const reason: unknown = signal.reason
  return new MandateError(
    'CANCELLED',
    'the request to the leader was cancelled by its signal',
    { reason },
    { cause: reason },
  )
}
