/** A few peers with one session each, on a network that a test decides about; what was sent is counted, what happened is kept. */
import type { PeerId } from '../../../quorum/types.ts'
import { createClassic, type Classic } from '../state.ts'
import { step } from '../step.ts'
import type {
  ClassicEffect,
  ClassicInput,
  ClassicMessage,
  ClassicNews,
  ClassicRecord,
  Reign,
} from '../types.ts'

export interface ClassicWorldOptions {
  readonly peers: number
  readonly heartbeatMs?: number
  readonly leaseMs?: number
  /** One way, in ms. @default 1 */
  readonly delayMs?: number
  readonly fsyncMs?: number
  /** Between hearing that it is superseded and having stopped. @default 5 */
  readonly stopMs?: number
}

export interface ClassicPeer {
  readonly id: PeerId
  run: number
  /** Null: it is dead. */
  classic: Classic | null
  session: string
  isOpen: boolean
  readonly disk: ClassicRecord[]
  /** By election, the epoch that it leads in. */
  readonly leads: Map<string, number>
  readonly news: ClassicNews[]
  wakeAt: number | null
  /** Extra delay of everything that it sends. */
  slowMs: number
  /** It does not run: what comes waits. */
  pausedUntil: number
}

export type Happened =
  | {
      readonly at: number
      readonly peer: PeerId
      readonly is: 'leads' | 'rises' | 'stops'
      readonly epoch: number
    }
  | { readonly at: number; readonly peer: PeerId; readonly is: 'follows'; readonly reign: Reign | null }

interface Event {
  readonly at: number
  readonly run: () => void
}

export class ClassicWorld {
  now = 0
  readonly peers = new Map<PeerId, ClassicPeer>()
  readonly counts = new Map<string, number>()
  readonly cuts = new Set<string>()
  readonly happened: Happened[] = []
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly #options: ClassicWorldOptions
  #events: Event[] = []

  constructor(options: ClassicWorldOptions) {
    this.#options = options
    this.leaseMs = options.leaseMs ?? 300
    this.heartbeatMs = options.heartbeatMs ?? 50
    const ids = Array.from({ length: options.peers }, (_, at) => `p${String(at + 1).padStart(2, '0')}`)
    for (const id of ids) {
      this.peers.set(id, {
        ...{ id, run: 0, classic: null, session: '', isOpen: false, disk: [], leads: new Map(), news: [] },
        ...{ wakeAt: null, slowMs: 0, pausedUntil: 0 },
      })
    }
    for (const id of ids) this.start(id)
  }

  get ids(): string[] {
    return [...this.peers.keys()]
  }

  peer(id: PeerId): ClassicPeer {
    const peer = this.peers.get(id)
    if (peer === undefined) throw new Error(`no peer ${id}`)
    return peer
  }

  start(id: PeerId, candidate = id): void {
    const peer = this.peer(id)
    peer.run += 1
    peer.session = `${candidate}.${id}.${peer.run}`
    peer.isOpen = false
    peer.leads.clear()
    peer.wakeAt = null
    peer.classic = createClassic(
      {
        ...{
          self: id,
          peers: this.ids,
          incarnation: peer.run,
          heartbeatMs: this.heartbeatMs,
          rankStepMs: 10,
        },
        ...{ leaseMs: this.leaseMs, bounds: { maxClockDrift: 0.001, tickMs: 1 } },
      },
      peer.disk,
    )
    this.feed(id, { type: 'open', session: peer.session, id: candidate, leaseMs: this.leaseMs })
    this.#beat(peer, peer.run)
  }

  /** kill -9; whoever is not cut off has evidence a moment later. */
  crash(id: PeerId, evidence = true): void {
    this.peer(id).classic = null
    this.peer(id).leads.clear()
    if (!evidence) return
    for (const other of this.ids) {
      if (other === id) continue
      this.after(2, () => {
        if (this.peer(id).classic === null && !this.cuts.has(`${id}>${other}`))
          this.feed(other, { type: 'evidence', peer: id })
      })
    }
  }

  pause(id: PeerId, ms: number): void {
    this.peer(id).pausedUntil = this.now + ms
  }

  campaign(id: PeerId, election = 'e', priority = 0): void {
    const { session } = this.peer(id)
    this.feed(id, { type: 'campaign', election, session, priority, metadata: {}, tag: 1 })
  }

  campaignAll(...ids: readonly PeerId[]): void {
    for (const id of ids.length > 0 ? ids : this.ids) this.campaign(id)
  }

  leave(id: PeerId, election = 'e', heir: string | null = null): void {
    const { session } = this.peer(id)
    this.#stops(this.peer(id), election)
    this.feed(id, { type: 'leave', election, session, heir, tag: 2 })
  }

  /** One way. */
  cut(from: PeerId, to: PeerId): void {
    this.cuts.add(`${from}>${to}`)
  }

  /** Groups hear only themselves. */
  split(...groups: readonly (readonly PeerId[])[]): void {
    for (const group of groups)
      for (const from of group) for (const to of this.ids) if (!group.includes(to)) this.cut(from, to)
  }

  heal(): void {
    this.cuts.clear()
  }

  leaders(election = 'e'): string[] {
    return this.ids.filter((id) => this.peer(id).leads.has(election))
  }

  followed(id: PeerId, election = 'e'): PeerId | null {
    return this.peer(id).classic?.seats.get(election)?.followed?.peer ?? null
  }

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
    }
  }

  feed(id: PeerId, input: ClassicInput): void {
    const peer = this.peer(id)
    if (peer.classic === null) return
    for (const effect of step(peer.classic, input, this.now)) this.#execute(peer, effect)
  }

  after(delayMs: number, run: () => void): void {
    const event = { at: this.now + delayMs, run }
    const place = this.#events.findIndex(({ at }) => at > event.at)
    this.#events.splice(place < 0 ? this.#events.length : place, 0, event)
  }

  /** Delivers it now, however old it is. */
  deliver(from: PeerId, to: PeerId, message: ClassicMessage): void {
    this.feed(to, { type: 'message', from, message })
  }

  /** As `after`, but not while the process is paused, and not in its next life. */
  #later(peer: ClassicPeer, delayMs: number, run: () => void): void {
    const { run: life } = peer
    this.after(delayMs, () => {
      if (peer.classic === null || peer.run !== life) return
      if (peer.pausedUntil > this.now) this.#later(peer, peer.pausedUntil - this.now, run)
      else run()
    })
  }

  #execute(peer: ClassicPeer, effect: ClassicEffect): void {
    const { id } = peer
    switch (effect.type) {
      case 'send':
        this.#send(id, effect.to, effect.message)
        return
      case 'persist':
        this.#later(peer, this.#options.fsyncMs ?? 0.5, () => {
          peer.disk.push(...effect.records)
          this.feed(id, { type: 'persisted', sequence: effect.sequence })
        })
        return
      case 'wake-at': {
        peer.wakeAt = effect.at
        const { at } = effect
        if (at !== null)
          this.#later(peer, Math.max(0, at - this.now), () => {
            if (peer.wakeAt === at) this.feed(id, { type: 'wake' })
          })
        return
      }
      case 'tell':
        if (effect.session === peer.session) this.#heard(peer, effect.news)
        return
      case 'observed':
        this.happened.push({ at: this.now, peer: id, is: 'follows', reign: effect.reign })
        return
      default:
        effect satisfies never
    }
  }

  #heard(peer: ClassicPeer, news: ClassicNews): void {
    peer.news.push(news)
    switch (news.type) {
      case 'opened':
        peer.isOpen = true
        return
      case 'granted':
      case 'risen': {
        peer.leads.set(news.election, news.epoch)
        const is = news.type === 'granted' ? 'leads' : 'rises'
        this.happened.push({ at: this.now, peer: peer.id, is, epoch: news.epoch })
        return
      }
      case 'superseded':
        this.#later(peer, this.#options.stopMs ?? 5, () => {
          this.leave(peer.id, news.election)
          this.campaign(peer.id, news.election)
        })
        return
      case 'over':
        for (const election of [...peer.leads.keys()]) this.#stops(peer, election)
        peer.isOpen = false
        return
      case 'duplicate':
      case 'waiting':
      case 'known':
      case 'not-holder':
        return
      default:
        news satisfies never
    }
  }

  #stops(peer: ClassicPeer, election: string): void {
    const epoch = peer.leads.get(election)
    if (epoch === undefined) return
    peer.leads.delete(election)
    this.happened.push({ at: this.now, peer: peer.id, is: 'stops', epoch })
  }

  #beat(peer: ClassicPeer, run: number): void {
    if (peer.classic === null || peer.run !== run) return
    this.#later(peer, this.heartbeatMs, () => this.#beat(peer, run))
    if (peer.isOpen) this.feed(peer.id, { type: 'keepalive', session: peer.session })
  }

  #send(from: PeerId, to: PeerId, message: ClassicMessage): void {
    const { type } = message.body
    this.counts.set(type, (this.counts.get(type) ?? 0) + 1)
    if (this.cuts.has(`${from}>${to}`)) return
    const receiver = this.peer(to)
    this.#later(receiver, (this.#options.delayMs ?? 1) + this.peer(from).slowMs, () =>
      this.deliver(from, to, message),
    )
  }

  /** Without the beats, which come whether or not anything happens, and their answers. */
  electionMessages(): number {
    let all = 0
    for (const type of ['claim', 'claimed', 'election', 'answer', 'reign', 'reigns', 'left'])
      all += this.counts.get(type) ?? 0
    return all
  }
}
