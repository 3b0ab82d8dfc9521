/**
 * Elections as observers see them: computed from all keys of an election, never from the last event alone (Go's observer
 * and that of the npm package can stick to the wrong leader, etcd#18163).
 */
import type { LeaderRecord, ObserveEvents } from '../backend.ts'
import type { EtcdCluster } from './cluster.ts'
import { leaderIn, type Layout } from './layout.ts'
import { queueOf } from './requests.ts'
import type { KeyValue } from './rpc.generated.ts'
import type { KeyEvent, WatchHub } from './watch-hub.ts'

const AGAIN_MS = 500

export interface ViewsOptions {
  readonly cluster: EtcdCluster
  readonly hub: WatchHub
  readonly layout: Layout
  readonly tokenBase: bigint
  /** Without an answer for so long, nobody knows who leads. */
  readonly patienceMs: number
}

export class ElectionViews {
  readonly #options: ViewsOptions
  readonly #views = new Map<string, ElectionView>()

  constructor(options: ViewsOptions) {
    this.#options = options
  }

  /** However many observe one election, it is watched once. */
  observe(election: string, on: ObserveEvents): { close(): void } {
    let view = this.#views.get(election)
    if (view === undefined) {
      view = new ElectionView(this.#options, this.#options.layout.electionPrefix(election))
      this.#views.set(election, view)
    }
    const watched = view
    const listener = watched.add(on)
    return {
      close: () => {
        watched.remove(listener)
        if (!watched.idle || this.#views.get(election) !== watched) return
        this.#views.delete(election)
        watched.close()
      },
    }
  }

  close(): void {
    for (const view of this.#views.values()) view.close()
    this.#views.clear()
  }
}

type Seen =
  | { readonly is: 'led'; readonly leader: LeaderRecord; readonly modRevision: bigint }
  | { readonly is: 'vacant' }
  | { readonly is: 'unknown'; readonly cause: unknown }

interface Listener {
  readonly on: ObserveEvents
  told: string | undefined
}

class ElectionView {
  readonly #options: ViewsOptions
  readonly #prefix: string
  readonly #listeners = new Set<Listener>()
  readonly #keys = new Map<string, KeyValue>()
  readonly #abort = new AbortController()
  #watch: { close(): void } | undefined
  #reading = false
  #seen: Seen | undefined

  constructor(options: ViewsOptions, prefix: string) {
    this.#options = options
    this.#prefix = prefix
    void this.#read()
  }

  get idle(): boolean {
    return this.#listeners.size === 0
  }

  add(on: ObserveEvents): Listener {
    const listener: Listener = { on, told: undefined }
    this.#listeners.add(listener)
    queueMicrotask(() => this.#tell(listener))
    return listener
  }

  remove(listener: Listener): void {
    this.#listeners.delete(listener)
  }

  close(): void {
    this.#listeners.clear()
    this.#abort.abort()
    this.#watch?.close()
  }

  /** The whole election, and then what changes in it. */
  async #read(): Promise<void> {
    if (this.#reading) return
    this.#reading = true
    this.#watch?.close()
    const { cluster, patienceMs } = this.#options
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        const { at, all } = await cluster.call(queueOf(this.#prefix), { signal, withinMs: patienceMs })
        if (signal.aborted) break
        this.#keys.clear()
        for (const kv of all) this.#keys.set(nameOf(kv), kv)
        this.#follow(at + 1n)
        this.#look()
        break
      } catch (error) {
        if (signal.aborted || cluster.closed) break
        this.#see({ is: 'unknown', cause: error })
        await cluster.pause(AGAIN_MS, signal).catch(() => undefined)
      }
    }
    this.#reading = false
  }

  #follow(fromRevision: bigint): void {
    this.#watch = this.#options.hub.watch(
      { key: this.#prefix, isPrefix: true, fromRevision },
      {
        events: (events) => this.#change(events),
        compacted: () => void this.#read(),
        refused: (error) => {
          this.#see({ is: 'unknown', cause: error })
          void this.#options.cluster.pause(AGAIN_MS, this.#abort.signal).then(
            () => this.#read(),
            () => undefined,
          )
        },
        lostContact: (cause) => this.#see({ is: 'unknown', cause }),
        regainedContact: () => void this.#read(),
      },
    )
  }

  #change(events: readonly KeyEvent[]): void {
    for (const { is, kv } of events) {
      if (is === 'deleted') this.#keys.delete(nameOf(kv))
      else this.#keys.set(nameOf(kv), kv)
    }
    // Until contact is back, what is left of the news may be old.
    if (this.#seen?.is !== 'unknown') this.#look()
  }

  #look(): void {
    let first: KeyValue | undefined
    for (const kv of this.#keys.values())
      if (first === undefined || kv.createRevision < first.createRevision) first = kv
    if (first === undefined) return this.#see({ is: 'vacant' })
    const leader = leaderIn(first, this.#options.tokenBase)
    this.#see({ is: 'led', leader, modRevision: first.modRevision })
  }

  #see(seen: Seen): void {
    this.#seen = seen
    for (const listener of this.#listeners) this.#tell(listener)
  }

  #tell(listener: Listener): void {
    const seen = this.#seen
    if (seen === undefined || !this.#listeners.has(listener)) return
    const now = seen.is === 'led' ? `${seen.leader.token} ${seen.modRevision}` : seen.is
    if (listener.told === now) return
    listener.told = now
    switch (seen.is) {
      case 'led':
        return listener.on.led(seen.leader)
      case 'vacant':
        return listener.on.vacant()
      case 'unknown':
        return listener.on.unknown(seen.cause)
      default:
        seen satisfies never
    }
  }
}

/** Keys are bytes; this is one character a byte. */
function nameOf(kv: KeyValue): string {
  return Buffer.from(kv.key.buffer, kv.key.byteOffset, kv.key.byteLength).toString('latin1')
}
