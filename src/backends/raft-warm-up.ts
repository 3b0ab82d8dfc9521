/**
 * A takeover is rare and in a hurry, and whatever a process does for the first time is slow: the engine has to compile
 * it. So once a peer is up and idle it plays one election, in memory and on a clock of its own: three peers, a grant, a
 * resignation, and the death of whoever leads. A first takeover after SIGKILL is 1.5 ms faster by it.
 *
 * Nothing of the play leaves this file: no socket, no disk, no timer of the process, no report.
 */
import { peerMessages } from '../cluster/codec.ts'
import { startPeer, type Peer } from '../cluster/driver.ts'
import { encodeRecords } from '../cluster/log-format.ts'
import type { HolderMessage, LogRecord, PeerMessage } from '../cluster/messages.ts'
import type { PeerOptions, PeerTransport } from '../cluster/peer-options.ts'
import { resolveTiming } from '../lease/timing.ts'
import type { Clock, Instant, Timer } from '../seams/clock.ts'
import type { Random } from '../seams/random.ts'
import type { Storage } from '../seams/storage.ts'
import type { TransportEvents } from '../seams/transport.ts'
import { RaftSession } from './raft-session.ts'

const ids = ['a', 'b', 'c'] as const
const timing = resolveTiming('fast')
/** The play needs about a hundred; what goes on for longer than this is given up. */
const stepsMax = 1000

export interface WarmUpOptions {
  readonly random: Random
  /** Lets the process do something else between two steps, each of which takes a fraction of a millisecond. */
  pause(): Promise<void>
  /** Asked between two steps. */
  stopped(): boolean
}

/** How far it came: `done` unless it was stopped. Never rejects. */
export async function warmUp(options: WarmUpOptions): Promise<'done' | 'stopped' | 'failed'> {
  const stage = new Stage(options)
  try {
    return await stage.play()
  } catch {
    return 'failed'
  } finally {
    stage.close()
  }
}

class Stage {
  readonly #options: WarmUpOptions
  readonly #clock = new StageClock()
  readonly #peers = new Map<string, Peer>()
  readonly #events = new Map<string, TransportEvents<PeerMessage, HolderMessage>>()
  #steps = 0

  constructor(options: WarmUpOptions) {
    this.#options = options
  }

  async play(): Promise<'done' | 'stopped' | 'failed'> {
    for (const id of ids) this.#peers.set(id, await startPeer(this.#peerOptions(id)))
    for (const id of ids) for (const other of ids) if (other !== id) this.#events.get(id)?.peerUp(other, 1)
    const candidates = ids.map((id) => this.#candidate(id))
    const leads = (): Candidate | undefined =>
      candidates.find(({ token, id }) => token !== null && this.#peers.has(id))
    if (!(await this.#until(() => leads() !== undefined))) return this.#end()
    const first = leads()
    first?.leave()
    if (!(await this.#until(() => leads() !== undefined && leads() !== first))) return this.#end()
    // Time for keepalives and heartbeats to become a habit, so that there is a succession.
    const untilMs = this.#clock.lower() + 3 * timing.heartbeatMs
    if (!(await this.#until(() => this.#clock.lower() >= untilMs))) return this.#end()
    const second = leads()
    if (second !== undefined) this.#kill(second.id)
    return (await this.#until(() => leads() !== undefined)) ? 'done' : this.#end()
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.halt()
    this.#peers.clear()
    this.#clock.stop()
  }

  #end(): 'stopped' | 'failed' {
    return this.#options.stopped() ? 'stopped' : 'failed'
  }

  async #until(holds: () => boolean): Promise<boolean> {
    while (!holds()) {
      if (this.#steps++ >= stepsMax || this.#options.stopped()) return false
      await this.#options.pause()
      this.#clock.fireNext()
    }
    return true
  }

  #kill(id: string): void {
    this.#peers.get(id)?.halt()
    this.#peers.delete(id)
    for (const other of this.#peers.keys()) {
      this.#events.get(other)?.peerDown(id, 'warm-up')
      this.#events.get(other)?.peerRefused(id)
    }
  }

  #candidate(id: string): Candidate {
    const peer = this.#peers.get(id) as Peer
    const session = new RaftSession({
      env: { clock: this.#clock, random: this.#options.random, report: () => undefined },
      cluster: 'warm-up',
      voters: ids,
      ...timing,
      candidateId: id,
      connect: (events) => {
        const link = peer.attach({
          received: (message) => events.message(message),
          beat: () => events.beat?.(),
        })
        queueMicrotask(() => events.up())
        return { host: link.host, beats: true, send: link.send, change: () => undefined, close: link.close }
      },
    })
    return new Candidate(id, session)
  }

  #peerOptions(self: string): PeerOptions {
    return {
      self,
      peers: Object.fromEntries(ids.map((id) => [id, id])),
      cluster: 'warm-up',
      tokenBase: 0n,
      timing,
      logBytesMax: Number.MAX_SAFE_INTEGER,
      version: 'warm-up',
      clock: this.#clock,
      random: this.#options.random,
      storage: new StageStorage(),
      transport: () => this.#transport(self),
      report: () => undefined,
    }
  }

  #transport(self: string): PeerTransport {
    return {
      start: (events) => {
        this.#events.set(self, events)
        return Promise.resolve()
      },
      // Through the codec: it is on the way of every real message.
      send: (to, message) => {
        const bytes = peerMessages.encode(message)
        queueMicrotask(() => {
          if (this.#peers.has(to) && this.#peers.has(self))
            this.#events.get(to)?.peerMessage(self, peerMessages.decode(bytes))
        })
      },
      sendToClient: () => undefined,
      problem: () => undefined,
      close: () => Promise.resolve(),
    }
  }
}

class Candidate {
  readonly id: string
  token: bigint | null = null
  readonly leave: () => void

  constructor(id: string, session: RaftSession) {
    this.id = id
    const candidacy = session.enter(
      { election: 'warm-up', exclusivity: 'token', priority: 0, metadata: {} },
      {
        waiting: () => undefined,
        won: ({ token }) => (this.token = token),
        renewed: () => undefined,
        ended: () => (this.token = null),
      },
    )
    this.leave = () => {
      this.token = null
      void candidacy.leave({})
    }
  }
}

class StageStorage implements Storage<LogRecord> {
  open(): ReturnType<Storage<LogRecord>['open']> {
    return Promise.resolve({ incarnation: 1, run: '1', storageId: 'warm-up', earlier: [], records: [] })
  }

  append(batch: readonly LogRecord[], done: () => void): void {
    encodeRecords(batch)
    queueMicrotask(done)
  }

  bytes(): number {
    return 0
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Time passes from timer to timer. */
class StageClock implements Clock {
  #now = 0
  readonly #timers = new Set<{ readonly at: number; readonly fire: () => void }>()

  upper(): Instant {
    return { monotonicMs: this.#now, wallMs: this.#now, bootMs: this.#now }
  }

  elapsedMs(since: Instant): number {
    return this.#now - since.monotonicMs
  }

  lower(): number {
    return this.#now
  }

  wallMs(): number {
    return this.#now
  }

  setTimer(delayMs: number, fire: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, delayMs), fire }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  afterPoll(run: () => void): Timer {
    return this.setTimer(0, run)
  }

  fireNext(): void {
    const [first, ...others] = this.#timers
    if (first === undefined) return
    const next = others.reduce((earliest, timer) => (timer.at < earliest.at ? timer : earliest), first)
    this.#timers.delete(next)
    this.#now = Math.max(this.#now, next.at)
    next.fire()
  }

  stop(): void {
    this.#timers.clear()
  }
}
