/** Follows one Lease through the API server's watch, and says so once where it may not. */
import type { IncomingMessage } from 'node:http'
import type { BackendEnv } from '../backend.ts'
import { pause } from '../settled.ts'
import type { Timer } from '../../seams/clock.ts'
import { between } from '../../seams/random.ts'
import { ApiFailure } from './api-failure.ts'
import type { LeaseVersion } from './lease-path.ts'
import type { LeaseRequests } from './lease-requests.ts'
import type { KubernetesObject } from './lock-format.ts'

export interface LeaseWatch {
  readonly requests: LeaseRequests
  readonly env: BackendEnv
  readonly lease: string
  readonly from: LeaseVersion
  /** Between two hints where watching is forbidden, and half of the longest pause after failures. */
  readonly retryMs: number
  /** A watch that brought nothing for so long is opened anew. */
  silenceMs(): number
  readonly signal: AbortSignal
  /** The Lease as it is now; `deleted`: as it was last. */
  told(object: KubernetesObject, event: 'changed' | 'deleted'): void
  /** Something may have been missed: look. */
  lost(): void
}

/** The server ends a watch after a time in this range, so that watches spread over its replicas. */
const TIMEOUT_SECONDS = [300, 600] as const

const MAX_LINE_BYTES = 1024 * 1024

const FIRST_PAUSE_MS = 250

/** A watch that ends sooner, and brought nothing, was not one: something on the way does not let it stand. */
const SHORTEST_MS = 1000

type WatchEnd = 'ended' | 'expired' | 'forbidden' | 'failed'

/** Settles only by rejecting, with the reason of the signal. */
export async function watchLease(watch: LeaseWatch): Promise<never> {
  const { env, signal, retryMs } = watch
  const reports = new Set<WatchEnd>()
  let from = watch.from
  let failures = 0
  for (;;) {
    const end = await oneWatch(watch, from, {
      at: (version) => {
        from = version
        failures = 0
        reports.delete('failed')
      },
      // Once for each kind of trouble: the candidate polls from then on, and works.
      report: (kind, error) => {
        if (!reports.has(kind)) env.report({ during: `watch of lease ${watch.lease}`, error })
        reports.add(kind)
      },
    })
    signal.throwIfAborted()
    if (end === 'ended') {
      await pause(env.clock, between(env.random, 0, 50), signal)
      continue
    }
    // The server may have forgotten what came after `from`, or never have known it: begin with what is there now.
    from = null
    failures++
    watch.lost()
    const soonMs = Math.min(2 * retryMs, FIRST_PAUSE_MS * 2 ** Math.min(failures, 20))
    await pause(env.clock, between(env.random, 0.8, 1.2) * (end === 'forbidden' ? retryMs : soonMs), signal)
  }
}

interface WatchEvents {
  at(version: string): void
  report(kind: WatchEnd, error: unknown): void
}

async function oneWatch(watch: LeaseWatch, from: LeaseVersion, on: WatchEvents): Promise<WatchEnd> {
  const { requests, env, lease, signal } = watch
  const query = {
    timeoutSeconds: String(Math.floor(between(env.random, ...TIMEOUT_SECONDS))),
    ...(from === null ? {} : { resourceVersion: from }),
  }
  let stream: IncomingMessage
  try {
    stream = await requests.stream(lease, query, signal)
  } catch (error) {
    if (signal.aborted) return 'failed'
    const status = error instanceof ApiFailure ? error.status : 0
    if (status === 410) return 'expired'
    const end = status === 403 ? 'forbidden' : 'failed'
    on.report(end, requests.told(error, 'watch', lease))
    return end
  }
  const listen = (): Timer => env.clock.setTimer(watch.silenceMs(), () => stream.destroy())
  const sinceMs = env.clock.lower()
  let quiet = listen()
  let isSilent = true
  try {
    for await (const line of linesOf(stream)) {
      isSilent = false
      quiet.cancel()
      quiet = listen()
      const end = heard(watch, line, on.at)
      if (end !== undefined) return end
    }
    return isSilent && env.clock.lower() - sinceMs < SHORTEST_MS ? 'failed' : 'ended'
  } catch {
    // Cut off, or silent for too long: nothing to tell, the next one goes on where this one stopped.
    return 'failed'
  } finally {
    quiet.cancel()
    stream.destroy()
  }
}

/** Undefined: go on. */
function heard(watch: LeaseWatch, line: string, at: (version: string) => void): WatchEnd | undefined {
  let event: { readonly type?: unknown; readonly object?: unknown }
  try {
    event = JSON.parse(line) as typeof event
  } catch {
    return 'failed'
  }
  const object = (event.object ?? {}) as KubernetesObject & { readonly code?: unknown }
  if (event.type === 'ERROR') return object.code === 410 ? 'expired' : 'failed'
  const version = object.metadata?.resourceVersion
  if (typeof version === 'string') at(version)
  if (event.type === 'ADDED' || event.type === 'MODIFIED') watch.told(object, 'changed')
  if (event.type === 'DELETED') watch.told(object, 'deleted')
  return undefined
}

async function* linesOf(stream: IncomingMessage): AsyncGenerator<string> {
  let rest = ''
  stream.setEncoding('utf8')
  for await (const chunk of stream as AsyncIterable<string>) {
    rest += chunk
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end).trim()
      rest = rest.slice(end + 1)
      if (line !== '') yield line
    }
    if (rest.length > MAX_LINE_BYTES)
      throw new ApiFailure(0, '', `a watch event has more than ${MAX_LINE_BYTES} bytes`)
  }
}
