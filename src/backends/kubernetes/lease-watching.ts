/** Follows one Lease through the API server's watch, and says so once where it may not. */
import type { IncomingMessage } from 'node:http'
import type { BackendEnv } from '../backend.ts'
import type { ApiClient } from './api-client.ts'
import { ApiFailure } from './api-failure.ts'
import type { LeaseObject } from './lease-object.ts'
import { leasesPath, type LeaseVersion } from './lease-path.ts'
import { pause } from '../settled.ts'
import { asMandateError, type Target } from './refusals.ts'
import { between } from '../../seams/random.ts'

export interface LeaseWatch {
  readonly client: ApiClient
  readonly env: BackendEnv
  readonly target: Target
  readonly from: LeaseVersion
  /** Between two hints where watching is forbidden. */
  readonly pollMs: number
  /** A watch that brought nothing for so long is opened anew. */
  readonly silenceMs: number
  readonly signal: AbortSignal
  /** The Lease as it is now; null: deleted. */
  told(object: LeaseObject | null): void
  /** Something may have been missed: look. */
  lost(): void
}

/** The server ends a watch after this time, so that watches spread over its replicas. */
const TIMEOUT_SECONDS = 300

const MAX_LINE_BYTES = 1024 * 1024

type WatchEnd = 'ended' | 'expired' | 'forbidden' | 'failed'

/** Settles only by rejecting, with the reason of the signal. */
export async function watchLease(watch: LeaseWatch): Promise<never> {
  const { env, signal } = watch
  let from = watch.from
  let failures = 0
  for (;;) {
    const end = await oneWatch(watch, from, (version) => {
      from = version
      failures = 0
    })
    signal.throwIfAborted()
    // The server forgot what came after `from`: begin with what is there now.
    if (end === 'expired') from = null
    failures = end === 'ended' ? 0 : failures + 1
    if (end !== 'ended') watch.lost()
    const pauseMs = end === 'forbidden' ? watch.pollMs : Math.min(30_000, 250 * 2 ** Math.min(failures, 7))
    await pause(
      env.clock,
      end === 'ended' ? between(env.random, 0, 50) : between(env.random, 0.8, 1.2) * pauseMs,
      signal,
    )
  }
}

async function oneWatch(
  watch: LeaseWatch,
  from: LeaseVersion,
  at: (version: string) => void,
): Promise<WatchEnd> {
  const { client, env, target, signal } = watch
  const query = new URLSearchParams({
    watch: 'true',
    fieldSelector: `metadata.name=${target.lease}`,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(TIMEOUT_SECONDS),
    ...(from === null ? {} : { resourceVersion: from }),
  })
  let stream: IncomingMessage
  try {
    stream = await client.stream({
      method: 'GET',
      path: `${leasesPath(target.namespace)}?${query.toString()}`,
      signal,
    })
  } catch (error) {
    if (signal.aborted) return 'failed'
    const status = error instanceof ApiFailure ? error.status : 0
    if (status === 410) return 'expired'
    report(watch, asMandateError(error, 'watch', target))
    return status === 403 ? 'forbidden' : 'failed'
  }
  let quiet = env.clock.setTimer(watch.silenceMs, () => stream.destroy())
  try {
    for await (const line of linesOf(stream)) {
      quiet.cancel()
      quiet = env.clock.setTimer(watch.silenceMs, () => stream.destroy())
      const end = heard(watch, line, at)
      if (end !== undefined) return end
    }
    return 'ended'
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
  const object = (event.object ?? {}) as LeaseObject & { readonly code?: unknown }
  if (event.type === 'ERROR') return object.code === 410 ? 'expired' : 'failed'
  const version = object.metadata?.resourceVersion
  if (typeof version === 'string') at(version)
  if (event.type === 'ADDED' || event.type === 'MODIFIED') watch.told(object)
  if (event.type === 'DELETED') watch.told(null)
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

const forbidden = new WeakSet<LeaseWatch>()

/** Once for a watch that is forbidden: the candidate polls from then on, and works. */
function report(watch: LeaseWatch, error: unknown): void {
  if (forbidden.has(watch)) return
  forbidden.add(watch)
  watch.env.report({ during: `watch of lease ${watch.target.lease}`, error })
}
