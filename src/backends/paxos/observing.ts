/** Follows elections over one link to the cluster: the observer's core, its beat, and who listens. */
import type { AskMessage } from '../../cluster/engine/engine.ts'
import { MandateError } from '../../errors.ts'
import type { Timing } from '../../lease/timing.ts'
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
import { electionInstance } from '../../protocols/paxos/proposer/state.ts'
import type { PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import type { Timer } from '../../seams/clock.ts'
import type { BackendEnv, ObserveEvents } from '../backend.ts'
import { Mail } from './mail.ts'

export interface ObservingOptions {
  readonly env: BackendEnv
  readonly acceptors: readonly PeerId[]
  readonly timing: Timing
  readonly tokenBase: bigint
}

interface Followed {
  readonly listeners: Set<ObserveEvents>
  state: Observed | null
}

export class Observing {
  readonly key: string
  readonly #options: ObservingOptions
  readonly #mail: Mail
  readonly #core: Observer
  readonly #followed = new Map<string, Followed>()
  #timer: Timer | null = null

  constructor(options: ObservingOptions, post: (message: AskMessage<PaxosRequest>) => void) {
    const { env, acceptors, timing } = options
    this.#options = options
    this.key = `observer~${env.random.id()}`
    this.#mail = new Mail(this.key, post)
    const contactMs = 1.5 * timing.electionTimeoutMs[1]
    this.#core = createObserver({ acceptors, leaseMs: timing.leaseMs, contactMs }, env.clock.lower())
  }

  /** Present state first, then changes; nothing from inside this call. */
  observe(election: string, on: ObserveEvents): { close(): void } {
    const instance = electionInstance(election)
    let followed = this.#followed.get(instance)
    if (followed === undefined) {
      followed = { listeners: new Set(), state: null }
      this.#followed.set(instance, followed)
      this.#core.startedAt = this.#options.env.clock.lower()
      this.#execute(observe(this.#core, instance))
      this.#beat()
    }
    const { listeners } = followed
    const mine = followed
    listeners.add(on)
    queueMicrotask(() => {
      if (listeners.has(on) && mine.state !== null) this.#tell(on, mine.state)
    })
    return {
      close: () => {
        if (!listeners.delete(on) || listeners.size > 0) return
        this.#followed.delete(instance)
        this.#execute(unobserve(this.#core, instance))
      },
    }
  }

  /** The way to the cluster is open again. */
  up(): void {
    if (this.#followed.size > 0) this.#beat()
  }

  received(from: PeerId, replies: readonly PaxosReply[]): void {
    const now = this.#options.env.clock.lower()
    for (const reply of replies) this.#execute(heardFrom(this.#core, from, reply, now))
  }

  close(): void {
    if (this.#followed.size > 0) this.#mail.put(null, { type: 'close' })
    this.#mail.flush()
    this.#followed.clear()
    this.#timer?.cancel()
  }

  #beat(): void {
    const { clock } = this.#options.env
    this.#timer?.cancel()
    this.#timer = null
    if (this.#followed.size === 0) return
    this.#execute(beatObserver(this.#core, clock.lower()))
    this.#timer = clock.setTimer(this.#options.timing.heartbeatMs, () => this.#beat())
  }

  #execute(effects: readonly ObserverEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'send') {
        this.#mail.put(effect.to, effect.request)
        continue
      }
      const followed = this.#followed.get(effect.instance)
      if (followed === undefined) continue
      // Who asks from now on is told this by the microtask of its own.
      followed.state = effect.state
      for (const listener of [...followed.listeners]) this.#tell(listener, effect.state)
    }
  }

  #tell(on: ObserveEvents, state: Observed): void {
    switch (state.is) {
      case 'led': {
        const { id, token, metadata } = state.owner
        on.led({ id, token: this.#options.tokenBase + BigInt(token), metadata })
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
        state satisfies never
    }
  }
}
