/** Follows elections: asks every peer now and then, is told of changes at once, and believes the newest epoch. */
import { carriedAtOnce } from '../../cluster/engine/engine.ts'
import type { ObservedState } from '../../cluster/messages.ts'
import { majoritySize } from '../../protocols/quorum/majority.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { Timer } from '../../seams/clock.ts'
import type { ObserveEvents } from '../backend.ts'
import { Audience } from '../engine/audience.ts'
import type { Observing, ObservingOptions, Post } from '../engine/engine.ts'
import type { Observation } from '../observations.ts'
import type { BullyReply, BullyRequest, BullyState } from './words.ts'

type Seen =
  | {
      readonly is: 'led'
      readonly leader: NonNullable<BullyState['leader']>
      readonly epoch: number
      readonly version: number
    }
  | { readonly is: 'vacant' }
  | { readonly is: 'unknown' }

interface Followed {
  readonly states: Map<PeerId, { readonly state: BullyState; readonly at: number }>
  readonly since: number
  highest: number
  seen: Seen | null
}

/** Between two questions, in heartbeats. */
const askEvery = 2

export class BullyObserving implements Observing<BullyReply> {
  readonly key: string
  readonly #options: ObservingOptions
  readonly #post: Post<BullyRequest>
  readonly #followed = new Map<string, Followed>()
  readonly #audience: Audience
  #timer: Timer | null = null

  constructor(options: ObservingOptions, post: Post<BullyRequest>) {
    this.#options = options
    this.#post = post
    this.key = `observer~${options.env.random.id()}`
    this.#audience = new Audience({
      began: (election) => {
        this.#followed.set(election, { states: new Map(), since: this.#now, highest: 0, seen: null })
        this.#ask([{ type: 'watch', election }])
        if (this.#timer === null) this.#arm()
      },
      ceased: (election) => {
        this.#followed.delete(election)
        this.#ask([{ type: 'unwatch', election }])
      },
    })
  }

  observe(election: string, on: ObserveEvents): Observation {
    return this.#audience.follow(election, on)
  }

  up(): void {
    if (this.#followed.size > 0) this.#askAll()
  }

  received(from: PeerId, replies: readonly BullyReply[]): void {
    for (const reply of replies) {
      if (reply.type !== 'state') continue
      const followed = this.#followed.get(reply.election)
      if (followed === undefined) continue
      followed.states.set(from, { state: reply, at: this.#now })
      this.#look(reply.election, followed)
    }
  }

  close(): void {
    const all = [...this.#followed.keys()].map((election) => ({ type: 'unwatch', election }) as const)
    if (all.length > 0) this.#ask(all)
    this.#followed.clear()
    this.#audience.clear()
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
      for (const [election, followed] of this.#followed) this.#look(election, followed)
      this.#askAll()
    })
  }

  #askAll(): void {
    this.#ask([...this.#followed.keys()].map((election) => ({ type: 'watch', election })))
  }

  #ask(requests: readonly BullyRequest[]): void {
    for (let first = 0; first < requests.length; first += carriedAtOnce) {
      const some = requests.slice(first, first + carriedAtOnce)
      this.#post({ type: 'ask', session: this.key, to: null, requests: some })
    }
  }

  #look(election: string, followed: Followed): void {
    const see = (seen: Seen): void => this.#see(election, followed, seen)
    const { voters, timing } = this.#options
    const contactMs = 1.5 * timing.electionTimeoutMs[1]
    const fresh = [...followed.states.values()].filter(({ at }) => this.#now - at <= contactMs)
    const needed = majoritySize(voters.length)
    if (fresh.length < needed) {
      if (this.#now - followed.since > contactMs) see({ is: 'unknown' })
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
    if (newest.leader === null || isOver) see({ is: 'vacant' })
    else see({ is: 'led', leader: newest.leader, epoch: newest.epoch, version: newest.version })
  }

  #see(election: string, followed: Followed, seen: Seen): void {
    const last = followed.seen
    if (last !== null && isSame(last, seen)) return
    followed.seen = seen
    this.#audience.tell(election, this.#told(seen))
  }

  #told(seen: Seen): ObservedState {
    switch (seen.is) {
      case 'led': {
        const { leader, epoch } = seen
        return { is: 'led', ...leader, token: this.#options.tokenBase + BigInt(epoch) }
      }
      case 'vacant':
        return { is: 'vacant' }
      case 'unknown':
        return { is: 'unknown', reason: 'no majority of peers answers' }
      default:
        return seen satisfies never
    }
  }
}

function isSame(left: Seen, right: Seen): boolean {
  if (left.is === 'led' && right.is === 'led')
    return left.epoch === right.epoch && left.version === right.version
  return left.is === right.is
}
