/** Follows elections over one link to the cluster: the observer's core, its beat, and who listens. */
import type { ObservedState } from '../../cluster/messages.ts'
import {
  beatObserver,
  createObserver,
  heardFrom,
  observe,
  unobserve,
  type Observed,
  type Observer,
  type ObserverEffect,
} from '../../protocols/paxos/observer.ts'
import { electionInstance, electionOf } from '../../protocols/paxos/proposer/state.ts'
import type { PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { Timer } from '../../seams/clock.ts'
import type { ObserveEvents } from '../backend.ts'
import { Audience } from '../engine/audience.ts'
import type { Observing, ObservingOptions, Post } from '../engine/engine.ts'
import type { Observation } from '../observations.ts'
import { Mail } from './mail.ts'

export class PaxosObserving implements Observing<PaxosReply> {
  readonly key: string
  readonly #options: ObservingOptions
  readonly #mail: Mail
  readonly #core: Observer
  readonly #audience: Audience
  #timer: Timer | null = null

  constructor(options: ObservingOptions, post: Post<PaxosRequest>) {
    const { env, voters, timing } = options
    this.#options = options
    this.key = `observer~${env.random.id()}`
    this.#mail = new Mail(this.key, post)
    const contactMs = 1.5 * timing.electionTimeoutMs[1]
    this.#core = createObserver({ acceptors: voters, leaseMs: timing.leaseMs, contactMs }, env.clock.lower())
    this.#audience = new Audience({
      began: (election) => {
        this.#core.startedAt = env.clock.lower()
        this.#execute(observe(this.#core, electionInstance(election)))
        this.#beat()
      },
      ceased: (election) => this.#execute(unobserve(this.#core, electionInstance(election))),
    })
  }

  observe(election: string, on: ObserveEvents): Observation {
    return this.#audience.follow(election, on)
  }

  up(): void {
    if (this.#isWatched) this.#beat()
  }

  received(from: PeerId, replies: readonly PaxosReply[]): void {
    const now = this.#options.env.clock.lower()
    for (const reply of replies) this.#execute(heardFrom(this.#core, from, reply, now))
  }

  close(): void {
    if (this.#isWatched) this.#mail.put(null, { type: 'close' })
    this.#mail.flush()
    this.#audience.clear()
    this.#timer?.cancel()
  }

  get #isWatched(): boolean {
    return this.#audience.elections.length > 0
  }

  #beat(): void {
    const { clock } = this.#options.env
    this.#timer?.cancel()
    this.#timer = null
    if (!this.#isWatched) return
    this.#execute(beatObserver(this.#core, clock.lower()))
    this.#timer = clock.setTimer(this.#options.timing.heartbeatMs, () => this.#beat())
  }

  #execute(effects: readonly ObserverEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'send') this.#mail.put(effect.to, effect.request)
      else this.#audience.tell(electionOf(effect.instance) ?? '', this.#told(effect.state))
    }
  }

  #told(state: Observed): ObservedState {
    switch (state.is) {
      case 'led': {
        const { id, token, metadata } = state.owner
        return { is: 'led', id, token: this.#options.tokenBase + BigInt(token), metadata }
      }
      case 'vacant':
        return { is: 'vacant' }
      case 'unknown':
        return { is: 'unknown', reason: 'no majority of peers answers' }
      default:
        return state satisfies never
    }
  }
}
