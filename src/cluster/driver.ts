/**
 * One peer: executes the effects of the pure cores (Raft, support, the registry) over the seams. It decides nothing
 * about elections; it owns the order of things.
 *
 * Each core has a runner that feeds it and carries out its effects (`raft-runner`, `voter-runner`); `turns` fixes when;
 * `reception` serves whoever is attached; `arbiter` exists while this peer leads.
 */
import type { Configuration, PeerId } from '../protocols/quorum/types.ts'
import type { Entry, RaftMessage } from '../protocols/raft/types.ts'
import { lastHeardMs } from '../protocols/support/voter.ts'
import { apply, createRegistry, type Registry } from '../registry/registry.ts'
import type { Command, RegistryEvent } from '../registry/types.ts'
import { Arbiter } from './arbiter.ts'
import { Beat, leaderHaste } from './beat.ts'
import { Courier } from './courier.ts'
import { DiskQueue } from './disk-queue.ts'
import { Evidence } from './evidence.ts'
import type { LogRecord, PeerMessage, PeerRecord, PeerStatus, Proposal } from './messages.ts'
import { Pace } from './pace.ts'
import type { PeerOptions, PeerTransport } from './peer-options.ts'
import { peerStatus } from './peer-status.ts'
import { RaftRunner } from './raft-runner.ts'
import { Reception, type LocalHolder, type LocalLink } from './reception.ts'
import { foldRecords, type RecoveredPeer } from './recovery.ts'
import { stoppedError } from './stopped-error.ts'
import { NamedTimers } from './timers.ts'
import { Touch } from './touch.ts'
import { Tuning } from './tuning.ts'
import { Turns } from './turns.ts'
import { VoterRunner, type VoterReply } from './voter-runner.ts'

/** The rank step of the successor order, at least (DESIGN §4.2). */
const rankStepMs = 10
/**
 * Longest election timeouts out of touch with the leader after which a peer keeps no session alive any more. It may be heard
 * by a majority of the voters all the same: its sessions would hold for ever what they never learn of, or cannot give back.
 */
const lostPatience = 4
/** A batch fits a frame of a client (64 KiB), so twelve entries fit one of the bulk lane (1 MiB). */
const maxEntriesPerAppend = 12

/** Opens the folder, recovers, listens; resolves when the peer votes. It does not wait for a quorum. */
export async function startPeer(options: PeerOptions): Promise<Peer> {
  const { storage } = options
  const recovered = await storage.open()
  try {
    const state = foldRecords(recovered.records)
    // The transport comes first, because the peer sends through it; it has something to remember only once started.
    const born: { peer: Peer | null } = { peer: null }
    const transport = options.transport({
      ...recovered,
      remembered: state.peers,
      remember: (record) => born.peer?.remember(record),
    })
    const peer = (born.peer = new Peer(options, transport, recovered.incarnation, state))
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
  readonly #configuration: Configuration
  readonly #registry: Registry
  readonly #evidence = new Evidence()
  readonly #pace = new Pace()
  /** Null: as configured, whatever is measured. */
  readonly #tuning: Tuning | null
  readonly #courier: Courier
  readonly #timers: NamedTimers
  readonly #turns: Turns
  readonly #disk: DiskQueue<LogRecord>
  readonly #raft: RaftRunner
  readonly #voter: VoterRunner
  readonly #reception: Reception
  readonly #lastHeard = new Map<PeerId, number>()
  readonly #heldSince = new Map<string, number>()
  /** While this peer leads. */
  #arbiter: Arbiter | null = null
  #leader: PeerId | null = null
  readonly #touch: Touch
  readonly #beat: Beat
  #appliedIndex = 0
  #stopped = false
  #closing: Promise<void> | null = null
  #stopping: Promise<void> | null = null
  /** Tells `close` that somebody else leads. */
  #deposed: (() => void) | null = null
  #failure: unknown

  constructor(options: PeerOptions, transport: PeerTransport, incarnation: number, recovered: RecoveredPeer) {
    const { self, timing, clock, random } = options
    this.#options = options
    this.#transport = transport
    this.#configuration = { voters: Object.keys(options.peers).toSorted() }
    this.#touch = new Touch(clock.lower())
    this.#courier = new Courier((to, message, lane) => transport.send(to, message, lane))
    this.#registry = createRegistry({ tokenBase: options.tokenBase })
    // An earlier start of this very peer is as dead as one of another.
    this.#evidence.up(self, incarnation)
    this.#tuning = tuningOf(options)
    this.#timers = new NamedTimers(clock, (lateMs) => this.#tuning?.lagged(lateMs, clock.lower()))
    this.#turns = new Turns({
      afterTask: () => this.#raft.drain(),
      settle: () => this.#settle(),
      deliveryFailed: (error) => options.report({ during: 'delivery to a local session', error }),
      taskFailed: (error) => this.#fail('a step of the protocol', error),
    })
    const enqueue = (task: () => void): void => this.#turns.enqueue(task)
    this.#beat = new Beat(
      { clock, timers: this.#timers, heartbeatMs: timing.heartbeatMs, enqueue },
      {
        leads: () => this.#arbiter !== null,
        isQuiet: () => this.#arbiter?.isQuiet(clock.lower()) === true,
        everyMs: () => this.#tuning?.intervalMs ?? null,
        beatHolders: () => this.#reception.beatHolders(),
        beats: (now) => this.#beats(now),
      },
    )
    this.#disk = new DiskQueue(options.storage, clock, enqueue, {
      persisted: (room, sequence) => {
        if (room === 'raft') this.#raft.feed({ type: 'persisted', sequence })
      },
      wrote: (ms) => this.#pace.wrote(ms),
      failed: (error) => this.#fail('writing the log', error),
    })
    const parts = {
      disk: this.#disk,
      timers: this.#timers,
      random,
      clock,
      voters: this.#configuration.voters,
    }
    this.#raft = new RaftRunner(
      {
        self,
        configuration: this.#configuration,
        heartbeatMs: timing.heartbeatMs * leaderHaste,
        electionTimeoutMs: timing.electionTimeoutMs,
        leastSilenceMs: this.#tuning?.leastSilenceMs,
        rankStepMs,
        maxEntriesPerAppend,
        maxInflightAppends: 16,
      },
      recovered,
      parts,
      {
        send: (to, message, lane) => {
          this.#tuning?.sent(to, message, clock.lower())
          this.#courier.send(to, { kind: 'raft', message }, lane)
        },
        enqueue,
        beforeBeat: () => this.#tune(),
        graceMs: (lateMs) => this.#tuning?.graceMs(lateMs) ?? 0,
        beating: () => this.#beat.asLeader(),
        committed: (entries) => this.#committed(entries),
        appended: (entries) => this.#arbiter?.appended(entries),
        became: (leads, leader) => this.#became(leads, leader),
        readAnswered: (id, index) => this.#reception.readAnswered(id, index),
        refused: (from, error) => options.report({ during: `a message of peer ${from}`, error }),
      },
    )
    this.#voter = new VoterRunner(
      {
        self,
        incarnation,
        bounds: timing,
        startedAt: clock.lower(),
        withdrawals: recovered.withdrawals,
      },
      parts,
      {
        send: (to, message) => this.#courier.send(to, { kind: 'support', message }, 'urgent'),
        sendWithNext: (to, message) =>
          this.#courier.sendWithNext(to, { kind: 'support', message }, message.session),
        sendWaiting: () => this.#courier.flush(),
        enqueue,
        replied: (reply) => this.#replied(reply),
      },
    )
    this.#reception = new Reception(
      options,
      {
        registry: this.#registry,
        voters: this.#configuration.voters,
        incarnation,
        transport,
        turns: this.#turns,
      },
      {
        propose: (proposal) => this.#propose(proposal),
        keepalive: (keepalive) => {
          if (this.#touch.lostMs(clock.lower()) > lostPatience * timing.electionTimeoutMs[1]) return
          const { session, sequence, patient = false } = keepalive
          if (!patient && this.#registry.sessions.has(session))
            this.#pace.sent(session, sequence, clock.lower())
          this.#voter.toEveryVoter(keepalive)
        },
        readLocally: (id) => this.#raft.feed({ type: 'read', id }),
        leader: () => this.#leader,
        status: (quorum, election) => this.#status(quorum, election),
      },
    )
  }

  async start(): Promise<void> {
    const enqueue = (task: () => void): void => this.#turns.enqueue(task)
    await this.#transport.start({
      peerUp: (peer, incarnation) =>
        enqueue(() => {
          this.#evidence.up(peer, incarnation)
          this.#raft.feed({ type: 'contact', peer })
          this.#reception.peerUp()
        }),
      peerDown: (peer) => enqueue(() => this.#evidence.down(peer)),
      peerRefused: (peer) =>
        enqueue(() => {
          this.#evidence.refused(peer)
          this.#raft.feed({ type: 'evidence', peer })
          this.#examineSessions()
        }),
      peerMessage: (from, message) => enqueue(() => this.#fromPeer(from, message)),
      clientMessage: (client, message) => enqueue(() => this.#reception.fromClient(client, message)),
      clientGone: (client) => enqueue(() => this.#reception.clientGone(client)),
    })
    enqueue(() => this.#raft.feed({ type: 'start' }))
    this.#beat.arm()
  }

  /** For the next start: which process of another peer was let in. */
  remember(record: PeerRecord): void {
    this.#turns.enqueue(() => this.#disk.note({ type: 'peer', ...record }))
  }

  /** A holder or reader in this process. */
  attach(holder: LocalHolder): LocalLink {
    return this.#reception.attach(holder)
  }

  /** Why this peer stopped by itself; undefined while it runs. */
  get failure(): unknown {
    return this.#failure
  }

  /** Hands Raft leadership over if it is held here, then stops. Idempotent; every call waits for the end. */
  close(): Promise<void> {
    this.#closing ??= this.#handOver().then(() => this.#stop())
    return this.#closing
  }

  /** A leader that just stops costs the others an election; one that hands over costs them a round trip. */
  #handOver(): Promise<void> {
    if (this.#stopped || this.#arbiter === null || this.#configuration.voters.length === 1) {
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#deposed = resolve
      this.#timers.set('hand-over', this.#options.timing.electionTimeoutMs[0], resolve)
      this.#turns.enqueue(() => this.#raft.feed({ type: 'transfer', to: null }))
    })
  }

  /** Ends everything at once without a word to anybody, as kill -9 does: nothing of this peer runs any more. */
  halt(): void {
    this.#stopped = true
    this.#timers.stop()
    this.#turns.stop()
  }

  #stop(): Promise<void> {
    this.#stopping ??= this.#shutDown()
    return this.#stopping
  }

  async #shutDown(): Promise<void> {
    if (this.#stopped) return
    this.halt()
    await this.#transport.close()
    await this.#options.storage.close()
  }

  /** The end of a turn: grants what is vacant, then one append for all that has to be durable. */
  #settle(): boolean {
    // A grant that Raft refuses would be proposed again here, for ever: the turn after the transfer makes up for it.
    if (this.#raft.accepts) this.#arbiter?.grant(this.#options.clock.lower())
    if (this.#raft.drain()) return true
    this.#disk.flush()
    this.#watchDisk()
    return false
  }

  // ---- what the log decides -------------------------------------------------------------------------------------

  #committed(entries: readonly Entry<Command>[]): void {
    this.#options.tap?.committed(entries)
    for (const entry of entries) {
      const events = entry.data === null ? [] : apply(this.#registry, entry.index, entry.data)
      this.#appliedIndex = entry.index
      for (const event of events) this.#applied(event)
    }
    this.#reception.appliedUpTo(this.#appliedIndex)
  }

  #applied(event: RegistryEvent): void {
    switch (event.type) {
      case 'session-opened':
      case 'session-reopened':
        this.#voter.step({
          type: 'opened',
          session: event.session,
          epoch: event.epoch,
          leaseMs: event.leaseMs,
        })
        break
      case 'session-superseded':
        this.#voter.step({ type: 'superseded', session: event.session })
        break
      case 'session-closed':
        this.#pace.forget(event.session)
        this.#voter.step({ type: 'closed', session: event.session })
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
    this.#reception.applied(event)
  }

  #became(leads: boolean, leader: PeerId | null): void {
    if (leads !== (this.#arbiter !== null) || leader !== this.#leader) this.#tuning?.leaderChanged(leads)
    if (leads && this.#arbiter === null) {
      this.#options.tap?.led(this.#raft.raft.term)
      this.#arbiter = this.#newArbiter()
      this.#examineSessions()
    } else if (!leads) {
      if (this.#arbiter !== null) this.#options.tap?.steppedDown(this.#raft.raft.term)
      this.#arbiter = null
      this.#beat.arm()
      this.#deposed?.()
    }
    if (leader === this.#leader) return
    this.#leader = leader
    this.#touch.follows(leader, this.#options.clock.lower())
    if (leader !== null) this.#reception.leaderKnown(leader)
  }

  #newArbiter(): Arbiter {
    const { self, timing, clock } = this.#options
    return new Arbiter(
      { configuration: this.#configuration, heartbeatMs: timing.heartbeatMs },
      {
        lastHeardMs: (session) => lastHeardMs(this.#voter.voter, session),
        evidenceAgainst: (host) => this.#evidence.against(host),
        logIsFull: () => this.#logIsFull(),
      },
      {
        propose: (data) => this.#raft.feed({ type: 'propose', data }),
        askForWithdrawal: (session, epoch) =>
          this.#voter.toEveryVoter({ type: 'withdraw-request', session, epoch }),
        turnAway: (sponsor, session, error) => {
          if (sponsor === self) this.#reception.turnedAway(session, error)
          else this.#courier.send(sponsor, { kind: 'turned-away', session, error }, 'urgent')
        },
      },
      {
        registry: this.#registry,
        appliedIndex: this.#appliedIndex,
        entries: this.#raft.entriesBehind(this.#appliedIndex),
        now: clock.lower(),
      },
    )
  }

  /** A voter's answer, to the session it is about or to the arbiter. */
  #replied(reply: VoterReply): void {
    if (reply.type === 'withdraw-answer') {
      this.#arbiter?.withdrawn(reply.voter, reply.session, reply.epoch)
      return
    }
    if (reply.type === 'keepalive-ack' && reply.voter !== this.#options.self) {
      this.#pace.acknowledged(reply.session, reply.sequence, this.#options.clock.lower())
    }
    this.#reception.support(reply)
  }

  /** To the arbiter, wherever it is; lost if nobody leads, and then repeated by the sponsor. */
  #propose(proposal: Proposal): void {
    if (this.#arbiter !== null) {
      this.#arbiter.received(this.#options.self, proposal, this.#options.clock.lower())
    } else if (this.#leader !== null) {
      this.#courier.send(this.#leader, { kind: 'propose', proposal }, 'urgent')
    }
  }

  // ---- messages -------------------------------------------------------------------------------------------------

  #fromPeer(from: PeerId, message: PeerMessage): void {
    this.#lastHeard.set(from, this.#options.clock.lower())
    switch (message.kind) {
      case 'raft':
        this.#fromRaft(from, message.message)
        return
      case 'support':
        this.#voter.received(from, message.message)
        return
      case 'propose':
        // Not the leader (any more): the sponsor hears of the next one and repeats.
        this.#arbiter?.received(from, message.proposal, this.#options.clock.lower())
        return
      case 'turned-away':
        this.#reception.turnedAway(message.session, message.error)
        return
      case 'read-index':
        this.#reception.readFor((index) =>
          this.#courier.send(from, { kind: 'read-index-reply', id: message.id, index }, 'urgent'),
        )
        return
      case 'read-index-reply':
        this.#reception.readAnswered(message.id, message.index)
        return
      case 'operator-asks':
      case 'holder-answers':
        this.#reception.operator(from, message)
        return
      default:
        message satisfies never
    }
  }

  #fromRaft(from: PeerId, message: RaftMessage<Command>): void {
    if (this.#tuning !== null) this.#measure(this.#tuning, from, message)
    this.#raft.feed({ type: 'message', from, message })
    if (message.type === 'heartbeat') this.#beat.withLeader()
  }

  /** Before the core takes it: it starts to wait for the next heartbeat with what this one taught. */
  #measure(tuning: Tuning, from: PeerId, message: RaftMessage<Command>): void {
    if (message.term !== this.#raft.raft.term) return
    const now = this.#options.clock.lower()
    if (message.type === 'heartbeat-reply') tuning.answered(from, message.round, now)
    if (message.type === 'heartbeat' && from === this.#leader)
      this.#raft.feed({ type: 'patience', leastMs: tuning.heard(message, now) })
  }

  #status(quorum: boolean, election: string | null): PeerStatus {
    return peerStatus({
      options: this.#options,
      raft: this.#raft.raft,
      leader: this.#leader,
      quorum,
      registry: this.#registry,
      voter: this.#voter.voter,
      appliedIndex: this.#appliedIndex,
      evidence: this.#evidence,
      transport: this.#transport,
      lastHeard: this.#lastHeard,
      heldSince: this.#heldSince,
      election,
    })
  }

  // ---- time and disk --------------------------------------------------------------------------------------------

  /** The leader's heartbeat is due, and what it measured so far may change how it beats. */
  #tune(): void {
    const { role } = this.#raft.raft
    if (role.name !== 'leader') return
    const pulse = this.#tuning?.pulse(role.round + 1, this.#options.clock.lower()) ?? null
    if (pulse !== null) this.#raft.feed({ type: 'pulse', pulse })
  }

  /** Once a heartbeat: repeats what may have been lost, and looks for silent sessions when this peer leads. */
  #beats(now: number): void {
    this.#reception.beatHolders()
    this.#courier.flush()
    this.#raft.feed({ type: 'pace', roundTripMs: this.#pace.estimateMs })
    this.#examineSessions()
    this.#touch.isHeard(this.#raft.isHeard, now)
    this.#reception.beat(this.#touch.lostMs(now))
  }

  #examineSessions(): void {
    this.#arbiter?.examine(this.#options.clock.lower())
  }

  /** A leader whose disk hangs can commit nothing: it hands over (DESIGN §4.2). */
  #watchDisk(): void {
    if (!this.#disk.busy) this.#timers.cancel('disk')
    else if (!this.#timers.has('disk')) {
      this.#timers.set('disk', this.#options.timing.electionTimeoutMs[0], () =>
        this.#turns.enqueue(() => {
          if (this.#arbiter !== null) this.#raft.feed({ type: 'transfer', to: null })
        }),
      )
    }
  }

  /** Nothing can be promised any more: this peer falls silent, and the others elect without it. */
  #fail(during: string, error: unknown): void {
    this.#failure = error
    this.#options.report({ during, error })
    this.#stop().catch((cause: unknown) => this.#options.report({ during: 'closing the peer', error: cause }))
    // It hands over to nobody any more.
    this.#deposed?.()
    const stopped = stoppedError(error)
    // In a turn of their own: this one may be anywhere.
    queueMicrotask(() => this.#reception.stopped(stopped))
  }

  #logIsFull(): { readonly bytes: number; readonly max: number } | null {
    const bytes = this.#options.storage.bytes()
    return bytes > this.#options.logBytesMax ? { bytes, max: this.#options.logBytesMax } : null
  }
}

function tuningOf({ self, peers, timing, tuning }: PeerOptions): Tuning | null {
  if (tuning !== 'adaptive') return null
  const followers = Object.keys(peers).filter((peer) => peer !== self)
  return new Tuning({ ...timing, followers, beatMs: timing.heartbeatMs * leaderHaste })
}
