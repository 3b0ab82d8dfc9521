/** A few peers with one session each, on a network that a test decides about; what was sent is counted. */
import { holderValidityMs } from '../../../lease/deadline.ts'
import { acknowledged, createHolder, sent, supportedSince, type Holder } from '../../support/holder.ts'
import { createBully, type Bully } from '../state.ts'
import { step } from '../step.ts'
import type {
  BullyEffect,
  BullyInput,
  BullyMessage,
  BullyOptions,
  BullyRecord,
  Exclusivity,
  Led,
  SessionFacts,
  SessionNews,
} from '../types.ts'

export interface SmallWorldOptions {
  readonly peers: number
  readonly heartbeatMs?: number
  readonly leaseMs?: number
  readonly exclusivity?: Exclusivity
  readonly preemptAfterMs?: number | null
  /** One way, in ms. @default 1 */
  readonly delayMs?: number
  readonly fsyncMs?: number
}

export interface SmallPeer {
  readonly id: string
  run: number
  /** Null: it is dead. */
  bully: Bully | null
  facts: SessionFacts
  holder: Holder<number> | null
  sequence: number
  readonly disk: BullyRecord[]
  durable: number
  gated: { readonly to: string; readonly message: BullyMessage; readonly after: number }[]
  /** By election, the epoch that it was granted. */
  readonly granted: Map<string, number>
  readonly news: SessionNews[]
  readonly observed: { readonly election: string; readonly led: Led | null }[]
  wakeAt: number | null
  /** Extra delay of everything that it sends. */
  slowMs: number
}

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

const bounds = { maxClockDrift: 0.001, tickMs: 1 }

export class SmallWorld {
  now = 0
  readonly peers = new Map<string, SmallPeer>()
  readonly counts = new Map<string, number>()
  readonly cuts = new Set<string>()
  /** Epochs won, in the order in which it was heard. */
  readonly wins: {
    readonly at: number
    readonly peer: string
    readonly election: string
    readonly epoch: number
  }[] = []
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly #options: SmallWorldOptions
  #events: Event[] = []
  #order = 0

  constructor(options: SmallWorldOptions) {
    this.#options = options
    this.leaseMs = options.leaseMs ?? 300
    this.heartbeatMs = options.heartbeatMs ?? 50
    const ids = Array.from({ length: options.peers }, (_, at) => `p${String(at + 1).padStart(2, '0')}`)
    for (const id of ids) {
      this.peers.set(id, {
        id,
        run: 0,
        bully: null,
        facts: { session: '', epoch: 1, id, leaseMs: this.leaseMs, host: null },
        holder: null,
        sequence: 0,
        disk: [],
        durable: 0,
        gated: [],
        granted: new Map(),
        news: [],
        observed: [],
        wakeAt: null,
        slowMs: 0,
      })
    }
    for (const id of ids) this.start(id)
  }

  get ids(): string[] {
    return [...this.peers.keys()]
  }

  peer(id: string): SmallPeer {
    const peer = this.peers.get(id)
    if (peer === undefined) throw new Error(`no peer ${id}`)
    return peer
  }

  /** With what its disk holds, and a new session. */
  start(id: string): void {
    const peer = this.peer(id)
    peer.run += 1
    const host = { peer: id, incarnation: peer.run }
    peer.facts = { session: `${id}.${peer.run}`, epoch: 1, id, leaseMs: this.leaseMs, host }
    peer.durable = 0
    peer.gated = []
    peer.granted.clear()
    peer.holder = null
    peer.bully = createBully(this.#bullyOptions(id, peer.run), peer.disk)
    for (const other of this.ids) if (other !== id) this.#evidenceEnds(other, id)
    this.feed(id, { type: 'open', of: peer.facts })
    this.#beat(id, peer.run)
  }

  #bullyOptions(self: string, incarnation: number): BullyOptions {
    return {
      self,
      incarnation,
      configuration: { voters: this.ids },
      heartbeatMs: this.heartbeatMs,
      rankStepMs: 10,
      bounds,
      startedAt: this.now,
      preemptAfterMs: this.#options.preemptAfterMs ?? null,
    }
  }

  /** kill -9; whoever is not cut off has evidence a moment later. */
  crash(id: string, evidence = true): void {
    this.peer(id).bully = null
    if (!evidence) return
    for (const other of this.ids) {
      if (other === id) continue
      this.#after(2, () => {
        if (this.peer(id).bully === null && !this.cuts.has(`${id}>${other}`))
          this.feed(other, { type: 'evidence', peer: id })
      })
    }
  }

  #evidenceEnds(other: string, id: string): void {
    if (this.peer(other).bully !== null) this.feed(other, { type: 'contact', peer: id })
  }

  campaign(id: string, election: string, priority = 0): void {
    const { exclusivity = 'time' } = this.#options
    this.feed(id, {
      type: 'campaign',
      election,
      stand: { of: this.peer(id).facts, priority, exclusivity, metadata: {} },
    })
  }

  leave(id: string, election: string, heir?: string): void {
    const peer = this.peer(id)
    peer.granted.delete(election)
    this.feed(id, {
      type: 'leave',
      election,
      session: peer.facts.session,
      ...(heir === undefined ? {} : { heir }),
    })
  }

  cut(from: string, to: string): void {
    this.cuts.add(`${from}>${to}`)
  }

  /** Groups hear only themselves. */
  split(...groups: readonly (readonly string[])[]): void {
    for (const group of groups) {
      for (const from of group) for (const to of this.ids) if (!group.includes(to)) this.cut(from, to)
    }
  }

  heal(): void {
    this.cuts.clear()
  }

  isValid(id: string, election: string): boolean {
    const { bully, holder, granted } = this.peer(id)
    const since = holder === null ? null : supportedSince(holder)
    return (
      bully !== null &&
      granted.has(election) &&
      since !== null &&
      this.now - since < holderValidityMs(this.leaseMs, bounds)
    )
  }

  leaders(election: string): string[] {
    return this.ids.filter((id) => this.isValid(id, election))
  }

  /** Runs for so long, or until `done`; true if that was it. In every instant at most one peer leads, in time mode. */
  run(ms: number, done: () => boolean = () => false): boolean {
    const end = this.now + ms
    for (;;) {
      if (done()) return true
      const next = this.#events[0]
      if (next === undefined || next.at > end) {
        this.now = end
        return false
      }
      this.#events.shift()
      this.now = next.at
      next.run()
      if (this.#options.exclusivity !== 'token') this.#checkExclusive()
    }
  }

  #checkExclusive(): void {
    for (const election of new Set(this.wins.map((win) => win.election))) {
      const leaders = this.leaders(election)
      if (leaders.length > 1) throw new Error(`${leaders.join(' and ')} both lead ${election} at ${this.now}`)
    }
  }

  feed(id: string, input: BullyInput): void {
    const { bully } = this.peer(id)
    if (bully === null) return
    for (const effect of step(bully, input, this.now)) this.#execute(this.peer(id), effect)
  }

  #execute(peer: SmallPeer, effect: BullyEffect): void {
    const { id, run } = peer
    switch (effect.type) {
      case 'send':
        if (effect.after !== undefined && effect.after > peer.durable)
          peer.gated.push({ ...effect, after: effect.after })
        else this.#send(id, effect.to, effect.message)
        return
      case 'persist':
        this.#after(this.#options.fsyncMs ?? 0.5, () => {
          if (peer.bully === null || peer.run !== run) return
          peer.disk.push(...effect.records)
          peer.durable = effect.sequence
          const free = peer.gated.filter(({ after }) => after <= effect.sequence)
          peer.gated = peer.gated.filter(({ after }) => after > effect.sequence)
          for (const { to, message } of free) this.#send(id, to, message)
          this.feed(id, { type: 'persisted', sequence: effect.sequence })
        })
        return
      case 'wake-at': {
        peer.wakeAt = effect.at
        const { at } = effect
        if (at === null) return
        this.#after(Math.max(0, at - this.now), () => {
          if (peer.run === run && peer.wakeAt === at) this.feed(id, { type: 'wake' })
        })
        return
      }
      case 'tell':
        this.#heard(peer, effect.session, effect.news)
        return
      case 'observed':
        peer.observed.push(effect)
        return
      default:
        effect satisfies never
    }
  }

  #heard(peer: SmallPeer, session: string, news: SessionNews): void {
    if (session !== peer.facts.session) return
    if (news.type !== 'support') peer.news.push(news)
    if (news.type === 'opened')
      peer.holder ??= createHolder({ configuration: { voters: this.ids }, epoch: 1 })
    if (news.type === 'support' && news.reply.type === 'keepalive-ack' && peer.holder !== null)
      acknowledged(peer.holder, news.reply)
    if (news.type === 'granted') {
      peer.granted.set(news.election, news.epoch)
      this.wins.push({ at: this.now, peer: peer.id, election: news.election, epoch: news.epoch })
    }
    if (news.type === 'superseded') peer.granted.delete(news.election)
    if (news.type === 'challenged') {
      this.leave(peer.id, news.election, news.by)
      this.#after(1, () => this.campaign(peer.id, news.election))
    }
  }

  #beat(id: string, run: number): void {
    const peer = this.peer(id)
    if (peer.bully === null || peer.run !== run) return
    this.#after(this.heartbeatMs, () => this.#beat(id, run))
    if (peer.holder === null) return
    const { session } = peer.facts
    // What stood on a deadline that has passed is over.
    for (const election of [...peer.granted.keys()]) {
      if (this.isValid(id, election) || supportedSince(peer.holder) === null) continue
      this.leave(id, election)
      this.campaign(id, election)
    }
    peer.sequence += 1
    sent(peer.holder, peer.sequence, this.now)
    const { sequence } = peer
    this.feed(id, { type: 'keepalive', keepalive: { type: 'keepalive', session, epoch: 1, sequence } })
  }

  #send(from: string, to: string, message: BullyMessage): void {
    this.counts.set(message.type, (this.counts.get(message.type) ?? 0) + 1)
    if (this.cuts.has(`${from}>${to}`)) return
    this.#after((this.#options.delayMs ?? 1) + this.peer(from).slowMs, () =>
      this.feed(to, { type: 'message', from, message }),
    )
  }

  /** All messages of elections, without the keepalives of sessions. */
  electionMessages(): number {
    let all = 0
    for (const [type, count] of this.counts) if (!type.startsWith('keepalive')) all += count
    return all
  }

  #after(delayMs: number, run: () => void): void {
    this.#order += 1
    const event = { at: this.now + delayMs, order: this.#order, run }
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#events[middle] as Event).at <= event.at) low = middle + 1
      else high = middle
    }
    this.#events.splice(low, 0, event)
  }
}
