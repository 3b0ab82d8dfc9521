/** Follows elections: asks every peer now and then, is told of changes at once, and believes the newest epoch. */
import type { AskMessage } from '../../cluster/engine/engine.ts'
import { MandateError } from '../../errors.ts'
import type { Timing } from '../../lease/timing.ts'
import { majoritySize } from '../../protocols/quorum/majority.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { Timer } from '../../seams/clock.ts'
import type { BackendEnv, ObserveEvents } from '../backend.ts'
import type { BullyReply, BullyRequest, BullyState } from './words.ts'

export interface ObservingOptions {
  readonly env: BackendEnv
  readonly voters: readonly PeerId[]
  readonly timing: Timing
  readonly tokenBase: bigint
}

type Seen =
  | { readonly is: 'led'; readonly state: BullyState }
  | { readonly is: 'vacant'; readonly epoch: number }
  | { readonly is: 'unknown' }

interface Followed {
  readonly listeners: Set<ObserveEvents>
  readonly states: Map<PeerId, { readonly state: BullyState; readonly at: number }>
  readonly since: number
  highest: number
  seen: Seen | null
}

/** Between two questions, in heartbeats. */
const askEvery = 2

export class Observing {
  readonly key: string
  readonly #options: ObservingOptions
  readonly #post: (message: AskMessage<BullyRequest>) => void
  readonly #followed = new Map<string, Followed>()
  #timer: Timer | null = null

  constructor(options: ObservingOptions, post: (message: AskMessage<BullyRequest>) => void) {
    this.#options = options
    this.#post = post
    this.key = `observer~${options.env.random.id()}`
  }

  /** Present state first, then changes; nothing from inside this call. */
  observe(election: string, on: ObserveEvents): { close(): void } {
    let followed = this.#followed.get(election)
    if (followed === undefined) {
      followed = { listeners: new Set(), states: new Map(), since: this.#now, highest: 0, seen: null }
      this.#followed.set(election, followed)
      this.#ask([{ type: 'watch', election }])
      if (this.#timer === null) this.#arm()
    }
    const { listeners } = followed
    const mine = followed
    listeners.add(on)
    queueMicrotask(() => {
      if (listeners.has(on) && mine.seen !== null) this.#tell(on, mine.seen)
    })
    return {
      close: () => {
        if (!listeners.delete(on) || listeners.size > 0) return
        this.#followed.delete(election)
        this.#ask([{ type: 'unwatch', election }])
      },
    }
  }

  /** The way to the cluster is open again. */
  up(): void {
    if (this.#followed.size > 0) this.#askAll()
  }

  received(from: PeerId, replies: readonly BullyReply[]): void {
    for (const reply of replies) {
      if (reply.type !== 'state') continue
      const followed = this.#followed.get(reply.election)
      if (followed === undefined) continue
      followed.states.set(from, { state: reply, at: this.#now })
      this.#look(followed)
    }
  }

  close(): void {
    const all = [...this.#followed.keys()].map((election) => ({ type: 'unwatch', election }) as const)
    if (all.length > 0) this.#ask(all)
    this.#followed.clear()
    this.#timer?.cancel()
  }

  get #now(): number {
    return this.#options.env.clock.lower()
  }

  #arm(): void {
    const { env, timing } = this.#options
    this.#timer = env.clock.setTimer(askEvery * timing.heartbeatMs, () => {
      this.#timer = null
      if (this.#followed.size === 0) return
      this.#arm()
      for (const followed of this.#followed.values()) this.#look(followed)
      this.#askAll()
    })
  }

  #askAll(): void {
    this.#ask([...this.#followed.keys()].map((election) => ({ type: 'watch', election })))
  }

  #ask(requests: readonly BullyRequest[]): void {
    for (let first = 0; first < requests.length; first += 64) {
      const some = requests.slice(first, first + 64)
      this.#post({ type: 'ask', session: this.key, to: null, requests: some })
    }
  }

  #look(followed: Followed): void {
    const { voters, timing } = this.#options
    const contactMs = 1.5 * timing.electionTimeoutMs[1]
    const fresh = [...followed.states.values()].filter(({ at }) => this.#now - at <= contactMs)
    const needed = majoritySize(voters.length)
    if (fresh.length < needed) {
      if (this.#now - followed.since > contactMs) this.#see(followed, { is: 'unknown' })
      return
    }
    const [newest] = fresh
      .map(({ state }) => state)
      .toSorted((left, right) => right.epoch - left.epoch || right.version - left.version)
    // Peers that started anew may have forgotten what is known here.
    if (newest === undefined || newest.epoch < followed.highest) return
    followed.highest = newest.epoch
    const about = fresh.filter(({ state }) => state.epoch === newest.epoch)
    // A release is the last word of an epoch, whoever heard it; of silence only a majority can tell.
    const silent = fresh.filter(({ state }) => state.isOver || state.epoch < newest.epoch).length
    const isOver = about.every(({ state }) => state.isOver) && silent >= needed
    if (newest.leader === null || isOver) this.#see(followed, { is: 'vacant', epoch: newest.epoch })
    else this.#see(followed, { is: 'led', state: newest })
  }

  #see(followed: Followed, seen: Seen): void {
    const last = followed.seen
    if (last !== null && isSame(last, seen)) return
    followed.seen = seen
    for (const listener of [...followed.listeners]) this.#tell(listener, seen)
  }

  #tell(on: ObserveEvents, seen: Seen): void {
    switch (seen.is) {
      case 'led': {
        const { leader, epoch } = seen.state
        if (leader === null) return
        const { id, metadata } = leader
        on.led({ id, token: this.#options.tokenBase + BigInt(epoch), metadata })
        return
      }
      case 'vacant':
        on.vacant()
        return
      case 'unknown':
        on.unknown(
          new MandateError('BACKEND_UNAVAILABLE', 'The state is unknown: no majority of peers answers.', {}),
        )
        return
      default:
        seen satisfies never
    }
  }
}

function isSame(left: Seen, right: Seen): boolean {
  if (left.is === 'led' && right.is === 'led')
    return left.state.epoch === right.state.epoch && left.state.version === right.state.version
  return left.is === right.is
}
