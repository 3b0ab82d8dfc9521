/**
 * A small world for the core alone: virtual time, a lossy wire, disks that forget what was not written, crashes, false
 * and true evidence. One seed decides everything. The real simulator runs the whole peer; this one runs in milliseconds.
 */
import type { PeerId } from '../../quorum/types.ts'
import { createRaft } from '../state.ts'
import type { RaftEffect, RaftInput, RaftMessage, RaftTimer } from '../types.ts'
import type { SafetyChecks } from './safety-checks.ts'
import { SeededRandom } from './seeded-random.ts'
import { scriptedTiming } from './scenario-cluster.ts'
import type { Step } from './scenario-cluster.ts'
import type { Disk, WorldPeer } from './world-peer.ts'

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

export interface Faults {
  readonly drop: number
  readonly duplicate: number
  readonly slow: number
}

const healthy: Faults = { drop: 0, duplicate: 0, slow: 0 }

export class RandomWorld {
  readonly random: SeededRandom
  readonly peers: readonly WorldPeer[]
  readonly checks: SafetyChecks<string>
  readonly #step: Step
  readonly #cut = new Set<string>()
  readonly #events: Event[] = []
  faults: Faults
  /** Below 1, timers fire early: no promise may depend on them. */
  #patience: number
  now = 0
  #order = 0
  #proposals = 0
  #reads = 0

  constructor(seed: number, checks: SafetyChecks<string>, step: Step) {
    this.random = new SeededRandom(seed)
    this.checks = checks
    this.#step = step
    const { random } = this
    const count = random.pick([3, 4, 5])
    const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, count)
    this.faults = {
      drop: random.between(0, 0.2),
      duplicate: random.between(0, 0.2),
      slow: random.between(0, 0.2),
    }
    this.#patience = random.pick([1, 1, 0.2, 0.05])
    this.peers = ids.map((id) => {
      const disk: Disk = { hardState: { term: 0, votedFor: null }, entries: [] }
      const raft = createRaft<string>({ ...scriptedTiming, self: id, configuration: { voters: ids } }, disk)
      return {
        id,
        disk,
        raft,
        alive: true,
        incarnation: 0,
        durable: 0,
        writes: [],
        gated: [],
        timers: new Map(),
      }
    })
    for (const peer of this.peers) this.input(peer, { type: 'start' })
  }

  #at(delayMs: number, run: () => void): void {
    this.#order += 1
    const event: Event = { at: this.now + delayMs, order: this.#order, run }
    let place = this.#events.length
    while (place > 0 && (this.#events[place - 1]?.at ?? 0) > event.at) place -= 1
    this.#events.splice(place, 0, event)
  }

  /** Runs what is due within the next `durationMs`. */
  run(durationMs: number): void {
    const end = this.now + durationMs
    for (;;) {
      const event = this.#events[0]
      if (event === undefined || event.at > end) break
      this.#events.shift()
      this.now = event.at
      event.run()
    }
    this.now = end
  }

  input(peer: WorldPeer, input: RaftInput<string>): void {
    if (!peer.alive) return
    const effects = this.#step(peer.raft, input)
    for (const effect of effects) this.#carryOut(peer, effect)
    this.checks.afterStep(peer, effects, this.peers)
  }

  #carryOut(peer: WorldPeer, effect: RaftEffect<string>): void {
    if (effect.type === 'persist') this.#write(peer, effect)
    if (effect.type === 'send') {
      const { to, message, after } = effect
      if (after !== undefined && after > peer.durable) peer.gated.push({ after, to, message })
      else this.#send(peer, to, message)
    }
    if (effect.type === 'arm-timer')
      this.#arm(peer, effect.timer, this.random.between(effect.minMs, effect.maxMs))
    if (effect.type === 'cancel-timer') this.#arm(peer, effect.timer, Infinity)
  }

  #arm(peer: WorldPeer, timer: RaftTimer, delayMs: number): void {
    const generation = (peer.timers.get(timer) ?? 0) + 1
    peer.timers.set(timer, generation)
    if (delayMs === Infinity) return
    const { incarnation } = peer
    this.#at(timer === 'election' ? delayMs * this.#patience : delayMs, () => {
      if (peer.incarnation !== incarnation || peer.timers.get(timer) !== generation) return
      this.input(peer, { type: 'timer', timer })
    })
  }

  #write(peer: WorldPeer, effect: Extract<RaftEffect<string>, { type: 'persist' }>): void {
    const { incarnation } = peer
    const slow = this.random.chance(this.faults.slow)
    // Writes finish in order: a later one never before an earlier one.
    const delayMs = slow ? this.random.between(20, 400) : this.random.between(0.1, 2)
    this.#at(delayMs, () => {
      if (peer.incarnation !== incarnation) return
      this.#finishWrites(peer, effect.sequence)
    })
    peer.writes.push(effect)
  }

  #finishWrites(peer: WorldPeer, upTo: number): void {
    const finished = peer.writes.filter((write) => write.sequence <= upTo)
    if (finished.length === 0) return
    peer.writes = peer.writes.filter((write) => write.sequence > upTo)
    for (const { hardState, entries } of finished) {
      if (hardState !== undefined) peer.disk.hardState = hardState
      const first = entries?.[0]
      if (first !== undefined) peer.disk.entries.splice(first.index - 1, Infinity, ...(entries ?? []))
    }
    peer.durable = upTo
    const free = peer.gated.filter(({ after }) => after <= upTo)
    peer.gated = peer.gated.filter(({ after }) => after > upTo)
    for (const { to, message } of free) this.#send(peer, to, message)
    this.input(peer, { type: 'persisted', sequence: upTo })
  }

  #send(peer: WorldPeer, to: PeerId, message: RaftMessage<string>): void {
    this.checks.onSend(peer, to, message)
    const { random, faults } = this
    const copies = random.chance(faults.drop) ? 0 : random.chance(faults.duplicate) ? 2 : 1
    for (let copy = 0; copy < copies; copy += 1) {
      const delayMs = random.chance(faults.slow) ? random.between(50, 800) : random.between(0.5, 8)
      this.#at(delayMs, () => {
        const target = this.peers.find((one) => one.id === to)
        if (target === undefined || this.#cut.has(`${peer.id}->${to}`)) return
        this.input(target, { type: 'message', from: peer.id, message })
      })
    }
  }

  crash(peer: WorldPeer): void {
    peer.alive = false
    peer.incarnation += 1
    peer.gated = []
    peer.writes = []
    peer.durable = 0
    peer.timers.clear()
    this.checks.onCrash(peer)
    for (const other of this.peers) {
      if (other === peer || this.random.chance(0.3)) continue
      this.#at(this.random.between(1, 20), () => this.input(other, { type: 'evidence', peer: peer.id }))
    }
  }

  restart(peer: WorldPeer): void {
    peer.raft = createRaft(peer.raft.options, peer.disk)
    peer.alive = true
    this.input(peer, { type: 'start' })
  }

  /** One thing that operators, networks or users do. */
  disturb(): void {
    const { random } = this
    const peer = random.pick(this.peers)
    const other = random.pick(this.peers)
    const what = random.next()
    if (what < 0.4) this.propose(random.chance(0.5) ? peer : (this.leader() ?? peer))
    else if (what < 0.5) this.read(random.pick(this.#believers()))
    else if (what < 0.58) this.#accuse(random.pick(this.#believers()))
    else if (what < 0.64) this.input(peer, { type: 'evidence', peer: other.id })
    else if (what < 0.68) this.input(peer, { type: 'contact', peer: other.id })
    else if (what < 0.74) this.#transfer(random.pick(this.#believers()))
    else if (what < 0.78) this.#cut.add(`${peer.id}->${other.id}`)
    else if (what < 0.82) this.#separate(new Set(this.peers.filter(() => random.chance(0.5))))
    else if (what < 0.87) this.#cut.clear()
    else if (what < 0.92) {
      if (peer.alive) this.crash(peer)
    } else {
      const dead = this.peers.find((one) => !one.alive)
      if (dead !== undefined) this.restart(dead)
    }
  }

  /** A false alarm that everybody else hears: the accused goes on, perhaps unheard, while the others elect. */
  #accuse(peer: WorldPeer): void {
    if (this.random.chance(0.7)) this.#separate(new Set([peer]))
    for (const other of this.peers) if (other !== peer) this.input(other, { type: 'evidence', peer: peer.id })
  }

  /** Perhaps to two targets, one after the other: then both may stand in one term. */
  #transfer(leader: WorldPeer): void {
    for (const wish of this.random.chance(0.5) ? [1] : [1, 2]) {
      const to = this.random.chance(0.2) ? null : this.random.pick(this.peers).id
      this.input(leader, { type: 'transfer', to: wish === 1 ? to : this.random.pick(this.peers).id })
    }
  }

  /** The two sides do not hear each other. */
  #separate(side: ReadonlySet<WorldPeer>): void {
    for (const from of this.peers) {
      for (const to of this.peers) if (side.has(from) !== side.has(to)) this.#cut.add(`${from.id}->${to.id}`)
    }
  }

  /** Everybody who may believe to lead, or everybody. */
  #believers(): readonly WorldPeer[] {
    const believers = this.peers.filter((peer) => peer.alive && peer.raft.role.name === 'leader')
    return believers.length === 0 ? this.peers : believers
  }

  propose(peer: WorldPeer): void {
    this.#proposals += 1
    this.input(peer, { type: 'propose', data: [`p${this.#proposals}`] })
  }

  read(peer: WorldPeer): void {
    this.#reads += 1
    this.checks.onRead(this.#reads)
    this.input(peer, { type: 'read', id: this.#reads })
  }

  /** Whoever believes to lead the newest term. */
  leader(): WorldPeer | undefined {
    return this.peers
      .filter((peer) => peer.alive && peer.raft.role.name === 'leader')
      .toSorted((left, right) => right.raft.term - left.raft.term)[0]
  }

  /** No more faults; a minority may stay dead, as it does in life. */
  heal(): void {
    this.faults = healthy
    this.#patience = 1
    this.#cut.clear()
    const dead = this.peers.filter((peer) => !peer.alive)
    const mayStayDead = this.random.chance(0.5) ? Math.floor((this.peers.length - 1) / 2) : 0
    for (const peer of dead.slice(mayStayDead)) this.restart(peer)
    // The driver reports contact with every peer it reaches again.
    for (const peer of this.peers) {
      for (const other of this.peers)
        if (other !== peer && other.alive) this.input(peer, { type: 'contact', peer: other.id })
    }
  }
}
