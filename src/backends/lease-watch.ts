import type { Timer } from '../seams/clock.ts'
import type { BackendEnv, LeaseStore } from './backend.ts'
import { attempt } from './lease-request.ts'

/** A share in the watch of one record. */
export interface WatchShare<Version> {
  /** The newest version known; the first one starts the watch. */
  seen(version: Version): void
  stop(): void
}

/** The watches of one session: one for each record, however many listen. Hints only, so that losing one costs time. */
export interface Watches<Version> {
  share(name: string, changed: () => void): WatchShare<Version>
}

export function watches<Version>(
  store: LeaseStore<Version>,
  env: BackendEnv,
  pauseMs: number,
): Watches<Version> {
  const open = new Map<string, RecordWatch<Version>>()
  return {
    share(name, changed) {
      if (store.watch === undefined) return { seen: () => undefined, stop: () => undefined }
      let watch = open.get(name)
      if (watch === undefined) {
        watch = recordWatch(store, env, name, pauseMs)
        open.set(name, watch)
      }
      const shared = watch
      const listener = (): void => changed()
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
  }
}

interface RecordWatch<Version> {
  readonly listeners: Set<() => void>
  seen(version: Version): void
  close(): void
}

function recordWatch<Version>(
  store: LeaseStore<Version>,
  env: BackendEnv,
  name: string,
  pauseMs: number,
): RecordWatch<Version> {
  const controller = new AbortController()
  const { signal } = controller
  const listeners = new Set<() => void>()
  let newest: { readonly version: Version } | undefined
  let started = false
  let pause: Timer | undefined

  const changed = (): void => {
    if (signal.aborted) return
    for (const listener of listeners) listener()
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
    attempt(() => watch.call(store, name, from.version, changed, { signal })).catch(ended)
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
