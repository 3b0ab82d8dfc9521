import type { Timer } from '../seams/clock.ts'
import type { BackendEnv, LeaseSeen, LeaseStore } from './backend.ts'
import { attempt } from './lease-request.ts'

/** The record changed; `seen`: to this, newer than every answer so far. */
type Changed<Version> = (seen?: LeaseSeen<Version>) => void

/** A share in the watch of one record. */
export interface WatchShare<Version> {
  /** The newest version known; the first one starts the watch. */
  seen(version: Version): void
  stop(): void
}

/** The watches of one session: one for each record, however many listen. Hints only, so that losing one costs time. */
export interface Watches<Version> {
  share(name: string, changed: Changed<Version>): WatchShare<Version>
  /** Resolves once every watch that was ended has let go of its connection and its timers. */
  settled(): Promise<void>
}

export function watches<Version>(
  store: LeaseStore<Version>,
  env: BackendEnv,
  pauseMs: number,
): Watches<Version> {
  const open = new Map<string, RecordWatch<Version>>()
  const running = new Set<Promise<void>>()
  return {
    share(name, changed) {
      if (store.watch === undefined) return { seen: () => undefined, stop: () => undefined }
      let watch = open.get(name)
      if (watch === undefined) {
        watch = recordWatch({ store, env, name, pauseMs, running })
        open.set(name, watch)
      }
      const shared = watch
      const listener: Changed<Version> = (seen) => changed(seen)
      shared.listeners.add(listener)
      return {
        seen: (version) => shared.seen(version),
        stop: () => {
          shared.listeners.delete(listener)
          if (shared.listeners.size > 0) return
          if (open.get(name) === shared) open.delete(name)
          shared.close()
        },
      }
    },
    settled: async () => void (await Promise.all(running)),
  }
}

interface RecordWatch<Version> {
  readonly listeners: Set<Changed<Version>>
  seen(version: Version): void
  close(): void
}

interface RecordWatchHost<Version> {
  readonly store: LeaseStore<Version>
  readonly env: BackendEnv
  readonly name: string
  readonly pauseMs: number
  /** Calls of the store's `watch` that have not settled. */
  readonly running: Set<Promise<void>>
}

function recordWatch<Version>(host: RecordWatchHost<Version>): RecordWatch<Version> {
  const { store, env, name, pauseMs, running } = host
  const controller = new AbortController()
  const { signal } = controller
  const listeners = new Set<Changed<Version>>()
  let newest: { readonly version: Version } | undefined
  let started = false
  let pause: Timer | undefined

  const changed: Changed<Version> = (seen) => {
    if (signal.aborted) return
    if (seen !== undefined) newest = { version: seen.version }
    for (const listener of listeners) listener(seen)
  }
  const ended = (error: unknown): void => {
    if (signal.aborted) return
    env.report({ during: `watch of ${name}`, error })
    pause = env.clock.setTimer(pauseMs, () => {
      run()
      // What changed since the watch ended was told by nobody.
      changed()
    })
  }
  const run = (): void => {
    const from = newest
    if (from === undefined || store.watch === undefined) return
    const { watch } = store
    const over: Promise<void> = attempt(() => watch.call(store, name, from.version, changed, { signal }))
      .catch(ended)
      .finally(() => running.delete(over))
    running.add(over)
  }
  return {
    listeners,
    seen(version) {
      newest = { version }
      if (started || signal.aborted) return
      started = true
      run()
    },
    close() {
      controller.abort()
      pause?.cancel()
    },
  }
}
