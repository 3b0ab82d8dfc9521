/** Observers of lease records: one reading loop for each election, however many observe it. */
import { follow, newFollower } from '../lease/following.ts'
import type { Followed, FollowerSettings } from '../lease/following.ts'
import type { ReadOutcome } from '../lease/machine-types.ts'
import { showsHint } from '../lease/observation.ts'
import type { Hinted } from '../lease/observation.ts'
import type { VersionValue } from '../lease/record.ts'
import type { Timer } from '../seams/clock.ts'
import { between } from '../seams/random.ts'
import type { BackendEnv, LeaseStore, ObserveEvents } from './backend.ts'
import { requests } from './lease-request.ts'
import type { Watches } from './lease-watch.ts'

export interface Followers {
  observe(election: string, on: ObserveEvents): { close(): void }
  closeAll(): void
}

export interface FollowerHost<V> {
  readonly store: LeaseStore<V>
  readonly env: BackendEnv
  readonly watches: Watches<V>
  readonly settings: FollowerSettings & { readonly attemptMs: number }
}

export function followers<V extends VersionValue>(host: FollowerHost<V>): Followers {
  const loops = new Map<string, FollowLoop>()
  return {
    observe(election, on) {
      let loop = loops.get(election)
      if (loop === undefined) {
        loop = followLoop(host, election)
        loops.set(election, loop)
      }
      const shared = loop
      const forget = shared.add(on)
      return {
        close: () => {
          forget()
          if (!shared.isIdle() || loops.get(election) !== shared) return
          loops.delete(election)
          shared.stop()
        },
      }
    },
    closeAll() {
      for (const loop of loops.values()) loop.stop()
      loops.clear()
    },
  }
}

interface FollowLoop {
  add(on: ObserveEvents): () => void
  isIdle(): boolean
  stop(): void
}

function followLoop<V extends VersionValue>(host: FollowerHost<V>, election: string): FollowLoop {
  const { store, env, settings } = host
  const listeners = new Set<(news: Followed) => void>()
  const current = requests(env)
  let state = newFollower<V>(settings)
  let timer: Timer | undefined
  let reading = false
  let hinted: Hinted<V> = 'no'
  let stopped = false
  let joined = 0

  const look = (): void => {
    timer?.cancel()
    reading = true
    hinted = 'no'
    current.start<ReadOutcome<V>>({
      timeoutMs: settings.attemptMs,
      send: async (signal) => ({ is: 'read', ...(await store.read(election, { signal })) }),
      failed: (error) => ({ is: 'failed', error }),
      done,
    })
  }
  const done = (outcome: ReadOutcome<V>): void => {
    reading = false
    if (outcome.is === 'read') watch.seen(outcome.version)
    const step = follow(state, outcome, settings, env.clock.lower())
    state = step.state
    if (step.tell !== null) for (const listener of listeners) listener(step.tell)
    if (stopped) return
    // A hint during the read may speak of a change that the answer does not show.
    if (outcome.is === 'read' && !showsHint(hinted, outcome.version)) look()
    else timer = env.clock.setTimer(between(env.random, step.againMs[0], step.againMs[1]), look)
  }
  const watch = host.watches.share(election, (seen) => {
    hinted = !reading ? 'no' : seen === undefined ? 'somehow' : { to: seen.version }
    if (reading) return
    if (seen !== undefined) {
      timer?.cancel()
      done({ is: 'read', ...seen })
      // While the store fails, the pause between the reads stands.
    } else if (state.told?.is !== 'unknown') look()
  })

  return {
    add(on) {
      const listener = (news: Followed): void => deliver(env, on, news)
      let open = true
      joined++
      if (joined === 1) look()
      // The present state comes first, but never before `observe` returned.
      queueMicrotask(() => {
        if (!open || stopped) return
        listeners.add(listener)
        if (state.told !== null) listener(state.told)
      })
      return () => {
        if (!open) return
        open = false
        listeners.delete(listener)
        joined--
      }
    },
    isIdle: () => joined === 0,
    stop() {
      stopped = true
      listeners.clear()
      timer?.cancel()
      current.cancel()
      watch.stop()
    },
  }
}

function deliver(env: BackendEnv, on: ObserveEvents, news: Followed): void {
  try {
    if (news.is === 'led') on.led({ id: news.id, token: news.token, metadata: news.metadata })
    else if (news.is === 'vacant') on.vacant()
    else on.unknown(news.cause)
  } catch (error) {
    env.report({ during: 'observe event', error })
  }
}
