import type { ObserveEvents, Observer } from '../backend.ts'
import type { ObservedState, ObservedStates } from './messages.ts'
import type { MemoryWorld } from './world.ts'
import { MandateError } from '../../errors.ts'
import type { Timer } from '../../seams/clock.ts'

/** One who watches an election, and what it was told. */
interface Watch {
  readonly election: string
  readonly on: ObserveEvents
  revision: number
  told: ObservedState | 'unknown' | 'nothing'
}

/** Asks the arbiter now and then for the present states, and hears of changes in between. */
export class MemoryObserver implements Observer {
  readonly scope: string
  readonly #world: MemoryWorld
  readonly #key: string
  readonly #watches = new Set<Watch>()
  readonly #linkWatch: { cancel(): void }
  #heardAtMs = 0
  #timer: Timer | undefined
  #askQueued = false

  constructor(world: MemoryWorld) {
    this.#world = world
    this.#key = world.env.random.id()
    this.scope = world.scope
    this.#linkWatch = world.link.watch({ killed: () => this.#stop(), healed: () => this.#askSoon() })
  }

  observe(election: string, on: ObserveEvents): { close(): void } {
    const watch: Watch = { election, on, revision: -1, told: 'nothing' }
    if (this.#watches.size === 0) this.#heardAtMs = this.#world.env.clock.lower()
    this.#watches.add(watch)
    this.#askSoon()
    return {
      close: () => {
        if (!this.#watches.delete(watch) || this.#watches.size > 0) return
        this.#timer?.cancel()
        this.#world.link.toArbiter(() => this.#world.arbiter.unwatch(this.#key))
      },
    }
  }

  close(): Promise<void> {
    if (this.#watches.size > 0) this.#world.link.toArbiter(() => this.#world.arbiter.unwatch(this.#key))
    this.#stop()
    this.#linkWatch.cancel()
    return Promise.resolve()
  }

  #stop(): void {
    this.#watches.clear()
    this.#timer?.cancel()
  }

  #askSoon(): void {
    if (this.#askQueued) return
    this.#askQueued = true
    queueMicrotask(() => {
      this.#askQueued = false
      if (this.#watches.size > 0) this.#ask()
    })
  }

  #ask(): void {
    const { env, link, arbiter, timing } = this.#world
    const elections = new Set([...this.#watches].map((watch) => watch.election))
    const deliver = (states: ObservedStates): void => this.#receive(states)
    link.toArbiter(() => {
      const states = arbiter.watch(this.#key, { link, elections, deliver })
      link.toClient(() => deliver(states))
    })
    this.#timer?.cancel()
    this.#timer = env.clock.setTimer(timing.leaseMs / 3, () => {
      if (env.clock.lower() - this.#heardAtMs >= timing.leaseMs) this.#loseContact()
      this.#ask()
    })
  }

  #receive(states: ObservedStates): void {
    this.#heardAtMs = this.#world.env.clock.lower()
    for (const watch of this.#watches) {
      const state = states.states.get(watch.election)
      if (state === undefined || states.revision < watch.revision) continue
      watch.revision = states.revision
      if (same(state, watch.told)) continue
      watch.told = state
      if (state.is === 'led') watch.on.led(state.leader)
      else watch.on.vacant()
    }
  }

  #loseContact(): void {
    const cause = new MandateError('BACKEND_UNAVAILABLE', 'the arbiter did not answer for a lease', {})
    for (const watch of this.#watches) {
      if (watch.told === 'unknown') continue
      watch.told = 'unknown'
      watch.on.unknown(cause)
    }
  }
}

function same(state: ObservedState, told: Watch['told']): boolean {
  if (typeof told === 'string' || state.is !== told.is) return false
  if (state.is === 'vacant' || told.is === 'vacant') return true
  return state.leader.token === told.leader.token && state.leader.metadata === told.leader.metadata
}
