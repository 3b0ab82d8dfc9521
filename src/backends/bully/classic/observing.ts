/**
 * Follows elections through one peer, the one that this process is attached to, and says what that peer believes. It asks no
 * second one: two peers on both sides of a healing network differ for a moment, and none of them lies.
 */
import { carriedAtOnce } from '../../../cluster/engine/engine.ts'
import type { ObservedState } from '../../../cluster/messages.ts'
import type { PeerId } from '../../../protocols/quorum/types.ts'
import type { Timer } from '../../../seams/clock.ts'
import type { ObserveEvents } from '../../backend.ts'
import { Audience } from '../../engine/audience.ts'
import type { Observing, ObservingOptions, Post } from '../../engine/engine.ts'
import type { Observation } from '../../observations.ts'
import type { BullyReply, BullyState } from '../words.ts'
import type { ClassicRequest } from './words.ts'

/** Between two questions, in heartbeats. */
const askEvery = 2

const outOfReach: ObservedState = { is: 'unknown', reason: 'the peer does not answer' }

export class ClassicObserving implements Observing<BullyReply> {
  readonly key: string
  readonly #options: ObservingOptions
  readonly #post: Post<ClassicRequest>
  readonly #audience: Audience
  /** What was told last, by election. */
  readonly #told = new Map<string, BullyState | null>()
  /** The peer that this process is attached to: it answers first, because it hands questions on. */
  #peer: PeerId | null = null
  #heardAt: number
  #timer: Timer | null = null

  constructor(options: ObservingOptions, post: Post<ClassicRequest>) {
    this.#options = options
    this.#post = post
    this.#heardAt = this.#now
    this.key = `observer~${options.env.random.id()}`
    this.#audience = new Audience({
      began: (election) => {
        if (this.#timer === null) this.#begin()
        this.#ask([{ type: 'watch', election }])
      },
      ceased: (election) => {
        this.#told.delete(election)
        this.#ask([{ type: 'unwatch', election }])
      },
    })
  }

  observe(election: string, on: ObserveEvents): Observation {
    return this.#audience.follow(election, on)
  }

  /** Perhaps to another peer than before. */
  up(): void {
    this.#peer = null
    this.#askAll()
  }

  received(from: PeerId, replies: readonly BullyReply[]): void {
    this.#peer ??= from
    if (from !== this.#peer) return
    this.#heardAt = this.#now
    for (const reply of replies) if (reply.type === 'state') this.#see(reply)
  }

  close(): void {
    this.#ask(this.#audience.elections.map((election) => ({ type: 'unwatch', election })))
    this.#audience.clear()
    this.#told.clear()
    this.#timer?.cancel()
  }

  get #now(): number {
    return this.#options.env.clock.lower()
  }

  #begin(): void {
    this.#heardAt = this.#now
    this.#arm()
  }

  #arm(): void {
    const { env, timing } = this.#options
    this.#timer = env.clock.setTimer(askEvery * timing.heartbeatMs, () => {
      this.#timer = null
      if (this.#audience.elections.length === 0) return
      this.#arm()
      this.#lookForSilence()
      this.#askAll()
    })
  }

  #lookForSilence(): void {
    const [, mostMs] = this.#options.timing.electionTimeoutMs
    if (this.#now - this.#heardAt <= 1.5 * mostMs) return
    for (const election of this.#audience.elections) {
      if (this.#told.get(election) === null) continue
      this.#told.set(election, null)
      this.#audience.tell(election, outOfReach)
    }
  }

  #askAll(): void {
    this.#ask(this.#audience.elections.map((election) => ({ type: 'watch', election })))
  }

  #ask(requests: readonly ClassicRequest[]): void {
    for (let first = 0; first < requests.length; first += carriedAtOnce) {
      const some = requests.slice(first, first + carriedAtOnce)
      this.#post({ type: 'ask', session: this.key, to: this.#peer, requests: some })
    }
  }

  #see(state: BullyState): void {
    const { election, leader, epoch } = state
    const last = this.#told.get(election)
    if (last != null && last.epoch === epoch && last.version === state.version) return
    this.#told.set(election, state)
    const told: ObservedState =
      leader === null ? { is: 'vacant' } : { is: 'led', ...leader, token: BigInt(epoch) }
    this.#audience.tell(election, told)
  }
}
