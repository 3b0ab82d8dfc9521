/**
 * One peer: executes the effects of the pure cores (Raft, support, the registry) over the seams. It decides nothing
 * about elections; it owns the order of things.
 *
 * Everything that happens (a frame, a timer, a finished write, a call) becomes a task of one queue. A turn empties the
 * queue, then writes what the turn wants durable with one append, then delivers what the local holders are to hear:
 * so a core never runs inside a core, and a user's callback never runs inside a turn.
 */
import { MandateError } from '../errors.ts'
import type { Configuration, PeerId } from '../protocols/quorum/types.ts'
import { entriesBetween, lastIndex } from '../protocols/raft/log.ts'
import { createRaft, type Raft } from '../protocols/raft/state.ts'
import { step } from '../protocols/raft/step.ts'
import type { RaftEffect, RaftInput, RaftMessage, RaftTimer } from '../protocols/raft/types.ts'
import type { LeaseBounds, SupportMessage, VoterEffect, VoterInput } from '../protocols/support/types.ts'
import { createVoter, lastHeardMs, stepVoter, type Voter } from '../protocols/support/voter.ts'
import { apply, createRegistry, type Registry } from '../registry/registry.ts'
import type { Command, RegistryEvent } from '../registry/types.ts'
import type { Clock, Timer } from '../seams/clock.ts'
import { between, type Random } from '../seams/random.ts'
import type { Storage } from '../seams/storage.ts'
import type { ClientId, Transport } from '../seams/transport.ts'
import { Arbiter } from './arbiter.ts'
import { DiskQueue, type Room } from './disk-queue.ts'
import { Evidence } from './evidence.ts'
import type {
  HolderMessage,
  LogRecord,
  PeerMessage,
  PeerStatus,
  Proposal,
  SponsorMessage,
} from './messages.ts'
import { Observers } from './observers.ts'
import { peerStatus } from './peer-status.ts'
import { Reads } from './reads.ts'
import { foldRecords } from './recovery.ts'
import { Sponsor, type Link } from './sponsor.ts'

export interface PeerTiming {
  readonly heartbeatMs: number
  readonly electionTimeoutMs: readonly [min: number, max: number]
  readonly maxClockDrift: number
  readonly tickMs: number
}

export interface PeerOptions {
  readonly self: PeerId
  /** id → address; the addresses are for `status` only. */
  readonly peers: Readonly<Record<PeerId, string>>
  readonly cluster: string
  readonly tokenBase: bigint
  readonly timing: PeerTiming
  /** Above it new campaigns are refused, in bytes. */
  readonly logBytesMax: number
  readonly version: string
  readonly clock: Clock
  readonly random: Random
  readonly storage: Storage<LogRecord>
  /** Made once the storage is open, because the handshake carries what it recovered. */
  readonly transport: (identity: {
    readonly storageId: string
    readonly incarnation: number
  }) => Transport<PeerMessage, HolderMessage, SponsorMessage>
  report(failure: { readonly during: string; readonly error: unknown }): void
}

type PeerTransport = Transport<PeerMessage, HolderMessage, SponsorMessage>

/** A local holder's end of its link to this peer. */
export interface LocalLink {
  readonly host: { readonly peer: PeerId; readonly incarnation: number }
  send(message: HolderMessage): void
  close(): void
}

/** The rank step of the successor order, at least (DESIGN §4.2). */
const rankStepMs = 10

/** Opens the folder, recovers, listens; resolves when the peer votes. It does not wait for a quorum. */
export async function startPeer(options: PeerOptions): Promise<Peer> {
  const { storage } = options
  const recovered = await storage.open()
  try {
    const transport = options.transport(recovered)
    const peer = new Peer(options, transport, recovered.incarnation, recovered.records)
    await peer.start()
    return peer
  } catch (error) {
    await storage.close()
    throw error
  }
}

export class Peer {
  readonly #options: PeerOptions
  readonly #transport: PeerTransport
  readonly #incarnation: number
  readonly #configuration: Configuration
  readonly #bounds: LeaseBounds
  readonly #raft: Raft<Command>
  readonly #voter: Voter
  readonly #registry: Registry
  readonly #evidence = new Evidence()
  readonly #disk: DiskQueue<LogRecord>
  readonly #sponsor: Sponsor
  readonly #observers: Observers
  readonly #reads: Reads
  readonly #timers = new Map<string, Timer>()
  readonly #clients = new Map<ClientId, Link>()
  readonly #lastHeard = new Map<PeerId, number>()
  readonly #heldSince = new Map<string, number>()

  readonly #tasks: (() => void)[] = []
  readonly #raftInputs: RaftInput<Command>[] = []
  /** Pushes to local holders, delivered between turns. */
  #deliveries: (() => void)[] = []
  #running = false
  #closed = false
  #closing: Promise<void> | null = null
  /** Tells `close` that somebody else leads. */
  #deposed: (() => void) | null = null
  #failure: unknown

  #arbiter: Arbiter | null = null
  #leader: PeerId | null = null
  #appliedIndex = 0
  /** Since when no leader is known. */
  #leaderlessSince: number

  constructor(
    options: PeerOptions,
    transport: PeerTransport,
    incarnation: number,
    records: readonly LogRecord[],
  ) {
    const { self, timing, clock } = options
    const recovered = foldRecords(records)
    this.#options = options
    this.#transport = transport
    this.#incarnation = incarnation
    this.#configuration = { voters: Object.keys(options.peers).toSorted() }
    this.#bounds = { maxClockDrift: timing.maxClockDrift, tickMs: timing.tickMs }
    this.#leaderlessSince = clock.lower()
    this.#registry = createRegistry({ tokenBase: options.tokenBase })
    this.#raft = createRaft<Command>(
      {
        self,
        configuration: this.#configuration,
        heartbeatMs: timing.heartbeatMs,
        electionTimeoutMs: timing.electionTimeoutMs,
        rankStepMs,
        // A batch fits a frame of a client (64 KiB), so twelve entries fit one of the bulk lane (1 MiB).
        maxEntriesPerAppend: 12,
        maxInflightAppends: 16,
      },
      recovered,
    )
    this.#voter = createVoter({
      self,
      incarnation,
      bounds: this.#bounds,
      startedAt: clock.lower(),
      withdrawals: recovered.withdrawals,
    })
    this.#disk = new DiskQueue(options.storage, (task) => this.#enqueue(task), {
      persisted: (room, sequence) => this.#persisted(room, sequence),
      failed: (error) => this.#diskFailed(error),
    })
    const read = (done: (ok: boolean) => void): void =>
      this.#reads.request(this.#leader, clock.lower() + 2 * timing.electionTimeoutMs[1], done)
    this.#reads = new Reads(
      self,
      {
        readLocally: (id) => this.#raftInputs.push({ type: 'read', id }),
        askLeader: (leader, id) => transport.send(leader, { kind: 'read-index', id }, 'urgent'),
      },
      0,
    )
    this.#sponsor = new Sponsor(this.#registry, options.cluster, this.#configuration.voters, {
      propose: (proposal) => this.#propose(proposal),
      keepalive: (session, epoch, sequence) =>
        this.#toEveryVoter({ type: 'keepalive', session, epoch, sequence }),
      read,
    })
    this.#observers = new Observers(this.#registry, read)
  }

  async start(): Promise<void> {
    await this.#transport.start({
      peerUp: (peer, incarnation) =>
        this.#enqueue(() => {
          this.#evidence.up(peer, incarnation)
          this.#raftInputs.push({ type: 'contact', peer })
          this.#sponsor.retry()
        }),
      peerDown: (peer) => this.#enqueue(() => this.#evidence.down(peer)),
      peerRefused: (peer) =>
        this.#enqueue(() => {
          this.#evidence.refused(peer)
          this.#raftInputs.push({ type: 'evidence', peer })
          this.#examineSessions()
        }),
      peerMessage: (from, message) => this.#enqueue(() => this.#fromPeer(from, message)),
      clientMessage: (client, message) =>
        this.#enqueue(() => this.#fromHolder(this.#clientLink(client), message)),
      clientGone: (client) => this.#enqueue(() => this.#clientGone(client)),
    })
    this.#enqueue(() => this.#raftInputs.push({ type: 'start' }))
    this.#armBeat()
  }

  /** Attaches a holder that lives in this process; `receive` is called between turns, never inside `send`. */
  attach(receive: (message: SponsorMessage) => void): LocalLink {
    let open = true
    const link: Link = {
      send: (message) => {
        this.#deliveries.push(() => {
          if (open) receive(message)
        })
      },
    }
    return {
      host: { peer: this.#options.self, incarnation: this.#incarnation },
      send: (message) => {
        if (open) this.#enqueue(() => this.#fromHolder(link, message))
      },
      close: () => {
        open = false
        this.#enqueue(() => this.#detached(link))
      },
    }
  }

  /** Hands Raft leadership over if it is held here, then stops. Idempotent; every call waits for the end. */
  close(): Promise<void> {
    this.#closing ??= this.#handOver().then(() => this.#stop())
    return this.#closing
  }

  /** A leader that just stops costs the others an election; one that hands over costs them a round trip. */
  #handOver(): Promise<void> {
    if (this.#closed || this.#arbiter === null || this.#configuration.voters.length === 1)
      return Promise.resolve()
    return new Promise((resolve) => {
      this.#deposed = resolve
      this.#setTimer('hand-over', this.#options.timing.electionTimeoutMs[0], resolve)
      this.#enqueue(() => this.#raftInputs.push({ type: 'transfer', to: null }))
    })
  }

  /** Ends everything at once without a word to anybody, as kill -9 does: nothing of this peer runs any more. */
  halt(): void {
    this.#closed = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    this.#tasks.length = 0
    this.#deliveries = []
  }

  async #stop(): Promise<void> {
    if (this.#closed) return
    this.halt()
    await this.#transport.close()
    await this.#options.storage.close()
  }

  // ---- the turn -------------------------------------------------------------------------------------------------

  #enqueue(task: () => void): void {
    if (this.#closed) return
    this.#tasks.push(task)
    if (this.#running) return
    this.#running = true
    try {
      this.#run()
    } finally {
      this.#running = false
    }
  }

  #run(): void {
    while (!this.#closed) {
      const task = this.#tasks.shift()
      if (task !== undefined) {
        task()
        this.#drainRaft()
        continue
      }
      this.#arbiter?.grant(this.#options.clock.lower())
      if (this.#drainRaft()) continue
      this.#disk.flush()
      this.#watchDisk()
      if (!this.#deliver() && this.#tasks.length === 0) return
    }
  }

  #drainRaft(): boolean {
    let any = false
    for (let input = this.#raftInputs.shift(); input !== undefined; input = this.#raftInputs.shift()) {
      any = true
      for (const effect of step(this.#raft, input)) this.#execute(effect)
    }
    return any
  }

  #deliver(): boolean {
    if (this.#deliveries.length === 0) return false
    const deliveries = this.#deliveries
    this.#deliveries = []
    for (const deliver of deliveries) {
      try {
        deliver()
      } catch (error) {
        this.#options.report({ during: 'delivery to a local session', error })
      }
    }
    return true
  }

  // ---- Raft -----------------------------------------------------------------------------------------------------

  #execute(effect: RaftEffect<Command>): void {
    switch (effect.type) {
      case 'send':
        this.#gated('raft', effect.after, () =>
          this.#transport.send(effect.to, { kind: 'raft', message: effect.message }, laneOf(effect.message)),
        )
        return
      case 'persist': {
        const records: LogRecord[] = []
        if (effect.hardState !== undefined) records.push({ type: 'hard-state', ...effect.hardState })
        if (effect.entries !== undefined) records.push({ type: 'entries', entries: effect.entries })
        this.#disk.write('raft', effect.sequence, records)
        return
      }
      case 'arm-timer':
        this.#armRaftTimer(effect.timer, between(this.#options.random, effect.minMs, effect.maxMs))
        return
      case 'cancel-timer':
        this.#cancelTimer(effect.timer)
        return
      case 'commit':
        for (const entry of effect.entries) {
          const events = entry.data === null ? [] : apply(this.#registry, entry.index, entry.data)
          this.#appliedIndex = entry.index
          for (const event of events) this.#applied(event)
        }
        this.#reads.applied(this.#appliedIndex)
        return
      case 'appended':
        this.#arbiter?.appended(effect.entries)
        return
      case 'proposal-refused':
        // The sponsors that asked repeat their proposals to the next leader.
        return
      case 'became':
        this.#became(effect.role === 'leader', effect.leader)
        return
      case 'read-ready':
        this.#reads.answered(effect.id, effect.index)
        return
      case 'read-failed':
        this.#reads.answered(effect.id, null)
        return
      case 'transfer-ended':
        return
      default:
        effect satisfies never
    }
  }

  #armRaftTimer(timer: RaftTimer, delayMs: number): void {
    const fire = (): void => this.#enqueue(() => this.#raftInputs.push({ type: 'timer', timer }))
    if (timer === 'election' || timer === 'succession') this.#setAccusation(timer, delayMs, fire)
    else this.#setTimer(timer, delayMs, fire)
  }

  #became(leads: boolean, leader: PeerId | null): void {
    const { clock, timing } = { clock: this.#options.clock, timing: this.#options.timing }
    if (leads && this.#arbiter === null) {
      this.#arbiter = new Arbiter(
        { configuration: this.#configuration, heartbeatMs: timing.heartbeatMs, bounds: this.#bounds },
        {
          lastHeardMs: (session) => lastHeardMs(this.#voter, session),
          evidenceAgainst: (host) => this.#evidence.against(host),
          logIsFull: () => this.#logIsFull(),
        },
        {
          propose: (data) => this.#raftInputs.push({ type: 'propose', data }),
          askForWithdrawal: (session, epoch) =>
            this.#toEveryVoter({ type: 'withdraw-request', session, epoch }),
          turnAway: (sponsor, session, error) => {
            if (sponsor === this.#options.self) this.#sponsor.turnedAway(session, error)
            else this.#transport.send(sponsor, { kind: 'turned-away', session, error }, 'urgent')
          },
        },
        {
          registry: this.#registry,
          appliedIndex: this.#appliedIndex,
          entries: entriesBetween(this.#raft.log, this.#appliedIndex + 1, lastIndex(this.#raft.log)),
          now: clock.lower(),
        },
      )
      this.#examineSessions()
    } else if (!leads) {
      this.#arbiter = null
      this.#deposed?.()
    }
    if (leader === this.#leader) return
    if (leader === null) this.#leaderlessSince = clock.lower()
    this.#leader = leader
    if (leader === null) return
    this.#sponsor.retry()
    this.#reads.retry(leader, clock.lower())
    this.#observers.regainedContact()
  }

  // ---- the registry ---------------------------------------------------------------------------------------------

  #applied(event: RegistryEvent): void {
    switch (event.type) {
      case 'session-opened':
      case 'session-reopened':
        this.#stepVoter({
          type: 'opened',
          session: event.session,
          epoch: event.epoch,
          leaseMs: event.leaseMs,
        })
        break
      case 'session-superseded':
        this.#stepVoter({ type: 'superseded', session: event.session })
        break
      case 'session-closed':
        this.#stepVoter({ type: 'closed', session: event.session })
        break
      case 'granted':
        this.#heldSince.set(event.election, this.#options.clock.lower())
        break
      case 'freed':
        this.#heldSince.delete(event.election)
        break
      case 'open-refused':
      case 'batch-applied':
      case 'proclaimed':
      case 'queue-changed':
        break
      default:
        event satisfies never
    }
    this.#sponsor.applied(event)
    this.#observers.applied(event)
  }

  #propose(proposal: Proposal): void {
    if (this.#arbiter !== null)
      this.#arbiter.received(this.#options.self, proposal, this.#options.clock.lower())
    else if (this.#leader !== null)
      this.#transport.send(this.#leader, { kind: 'propose', proposal }, 'urgent')
  }

  // ---- support --------------------------------------------------------------------------------------------------

  #stepVoter(input: VoterInput): void {
    for (const effect of stepVoter(this.#voter, input, this.#options.clock.lower()))
      this.#executeVoter(effect)
  }

  #executeVoter(effect: VoterEffect): void {
    switch (effect.type) {
      case 'send':
        this.#gated('support', effect.after, () => {
          if (effect.to === this.#options.self) this.#enqueue(() => this.#fromVoter(effect.message))
          else this.#transport.send(effect.to, { kind: 'support', message: effect.message }, 'urgent')
        })
        return
      case 'persist':
        this.#disk.write('support', effect.sequence, [{ type: 'withdrawal', ...effect.withdrawal }])
        return
      case 'wake-at':
        if (effect.at === null) this.#cancelTimer('support')
        else {
          // A withdrawal accuses: keepalives that wait in the socket are read first.
          this.#setAccusation('support', Math.max(0, effect.at - this.#options.clock.lower()), () =>
            this.#enqueue(() => this.#stepVoter({ type: 'wake' })),
          )
        }
        return
      default:
        effect satisfies never
    }
  }

  #toEveryVoter(message: Extract<SupportMessage, { type: 'keepalive' | 'withdraw-request' }>): void {
    for (const voter of this.#configuration.voters) {
      if (voter === this.#options.self) this.#toVoter(voter, message)
      else this.#transport.send(voter, { kind: 'support', message }, 'urgent')
    }
  }

  #toVoter(from: PeerId, message: Extract<SupportMessage, { type: 'keepalive' | 'withdraw-request' }>): void {
    if (message.type === 'keepalive') this.#stepVoter({ type: 'keepalive', from, keepalive: message })
    else this.#stepVoter({ type: 'withdraw-request', from, request: message })
  }

  /** The answer of a voter, to the sponsor of the session or to the arbiter. */
  #fromVoter(message: Exclude<SupportMessage, { type: 'keepalive' | 'withdraw-request' }>): void {
    if (message.type === 'withdraw-answer') {
      this.#arbiter?.withdrawn(message.voter, message.session, message.epoch)
    } else this.#sponsor.support(message)
  }

  // ---- messages -------------------------------------------------------------------------------------------------

  #fromPeer(from: PeerId, message: PeerMessage): void {
    this.#lastHeard.set(from, this.#options.clock.lower())
    switch (message.kind) {
      case 'raft':
        this.#raftInputs.push({ type: 'message', from, message: message.message })
        return
      case 'support':
        if (message.message.type === 'keepalive' || message.message.type === 'withdraw-request') {
          this.#toVoter(from, message.message)
        } else this.#fromVoter(message.message)
        return
      case 'propose':
        // Not the leader (any more): the sponsor hears of the next one and repeats.
        this.#arbiter?.received(from, message.proposal, this.#options.clock.lower())
        return
      case 'turned-away':
        this.#sponsor.turnedAway(message.session, message.error)
        return
      case 'read-index':
        this.#reads.requestFor((index) =>
          this.#transport.send(from, { kind: 'read-index-reply', id: message.id, index }, 'urgent'),
        )
        return
      case 'read-index-reply':
        this.#reads.answered(message.id, message.index)
        return
      default:
        message satisfies never
    }
  }

  #fromHolder(link: Link, message: HolderMessage): void {
    switch (message.type) {
      case 'observe':
        this.#observers.observe(link, message.id, message.election)
        return
      case 'unobserve':
        this.#observers.unobserve(link, message.id)
        return
      case 'status':
        this.#confirmQuorum((quorum) =>
          link.send({ type: 'status', id: message.id, status: this.#status(quorum, message.election) }),
        )
        return
      case 'open':
      case 'keepalive':
      case 'reopen':
      case 'batch':
      case 'close':
        this.#sponsor.received(link, message)
        return
      default:
        message satisfies never
    }
  }

  #clientLink(client: ClientId): Link {
    let link = this.#clients.get(client)
    if (link === undefined) {
      link = { send: (message) => this.#transport.sendToClient(client, message) }
      this.#clients.set(client, link)
    }
    return link
  }

  #clientGone(client: ClientId): void {
    const link = this.#clients.get(client)
    if (link === undefined) return
    this.#clients.delete(client)
    this.#detached(link)
  }

  #detached(link: Link): void {
    this.#sponsor.detached(link)
    this.#observers.detached(link)
  }

  #status(quorum: boolean, election: string | null): PeerStatus {
    return peerStatus({
      options: this.#options,
      raft: this.#raft,
      leader: this.#leader,
      quorum,
      registry: this.#registry,
      voter: this.#voter,
      appliedIndex: this.#appliedIndex,
      evidence: this.#evidence,
      transport: this.#transport,
      lastHeard: this.#lastHeard,
      heldSince: this.#heldSince,
      election,
    })
  }

  #confirmQuorum(done: (quorum: boolean) => void): void {
    const { clock, timing } = this.#options
    this.#reads.request(this.#leader, clock.lower() + timing.electionTimeoutMs[1], done)
  }

  // ---- time -----------------------------------------------------------------------------------------------------

  /** Once a heartbeat: repeats what may have been lost, and looks for silent sessions when this peer leads. */
  #armBeat(): void {
    this.#setAccusation('beat', this.#options.timing.heartbeatMs, () => {
      this.#armBeat()
      this.#enqueue(() => this.#beat())
    })
  }

  #beat(): void {
    const now = this.#options.clock.lower()
    this.#examineSessions()
    if (this.#sponsor.waiting) this.#sponsor.retry()
    if (this.#reads.waiting) this.#reads.retry(this.#leader, now)
    const patienceMs = 1.5 * this.#options.timing.electionTimeoutMs[1]
    if (this.#leader === null && now - this.#leaderlessSince > patienceMs) {
      this.#observers.lostContact('no quorum of peers is reachable')
    }
  }

  #examineSessions(): void {
    this.#arbiter?.examine(this.#options.clock.lower())
  }

  /** A leader whose disk hangs can commit nothing: it hands over (DESIGN §4.2). */
  #watchDisk(): void {
    if (!this.#disk.busy) this.#cancelTimer('disk')
    else if (!this.#timers.has('disk')) {
      this.#setTimer('disk', this.#options.timing.electionTimeoutMs[0], () =>
        this.#enqueue(() => {
          if (this.#arbiter !== null) this.#raftInputs.push({ type: 'transfer', to: null })
        }),
      )
    }
  }

  #setTimer(name: string, delayMs: number, fire: () => void): void {
    this.#cancelTimer(name)
    const timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timers.delete(name)
      fire()
    })
    this.#timers.set(name, timer)
  }

  /** A timer that would accuse somebody: after a stall, timers fire before queued frames are read (DESIGN §2). */
  #setAccusation(name: string, delayMs: number, fire: () => void): void {
    this.#cancelTimer(name)
    const timer = this.#options.clock.setTimer(delayMs, () => {
      const poll = this.#options.clock.afterPoll(() => {
        this.#timers.delete(name)
        fire()
      })
      this.#timers.set(name, poll)
    })
    this.#timers.set(name, timer)
  }

  #cancelTimer(name: string): void {
    this.#timers.get(name)?.cancel()
    this.#timers.delete(name)
  }

  // ---- the disk -------------------------------------------------------------------------------------------------

  #gated(room: Room, after: number | undefined, send: () => void): void {
    if (after === undefined) send()
    else this.#disk.gate(room, after, send)
  }

  #persisted(room: Room, sequence: number): void {
    if (room === 'raft') this.#raftInputs.push({ type: 'persisted', sequence })
  }

  #diskFailed(error: unknown): void {
    this.#failure = error
    this.#options.report({ during: 'writing the log', error })
    // Nothing can be promised any more: this peer falls silent, and the others elect without it.
    this.#stop().catch((cause: unknown) => this.#options.report({ during: 'closing the peer', error: cause }))
  }

  /** Why this peer stopped by itself; undefined while it runs. */
  get failure(): unknown {
    return this.#failure
  }

  #logIsFull(): { readonly bytes: number; readonly max: number } | null {
    const bytes = this.#options.storage.bytes()
    return bytes > this.#options.logBytesMax ? { bytes, max: this.#options.logBytesMax } : null
  }
}

function laneOf(message: RaftMessage<Command>): 'urgent' | 'bulk' {
  // One or few entries are as small as a heartbeat, and carry grants: only catching up is bulk.
  return message.type === 'append' && message.entries.length > 8 ? 'bulk' : 'urgent'
}

/** Thrown at whoever uses a peer that stopped by itself. */
export function stoppedError(failure: unknown): MandateError {
  return new MandateError(
    'CLOSED',
    'This peer stopped because its log could not be written. Free disk space or replace the disk, then start it again.',
    { what: 'peer' },
    { cause: failure },
  )
}
