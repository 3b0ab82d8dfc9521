/**
 * One run of one peer: the pure cores and the arbiter, tied together as `cluster/driver.ts` does, without promises. What a turn
 * has for the disk becomes one write, what it has for another peer one packet.
 */
import { Arbiter } from '../../cluster/arbiter.ts'
import type { Proposal } from '../../cluster/messages.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import { entriesBetween, lastIndex } from '../../protocols/raft/log.ts'
import { createRaft, leaderOf, type Raft } from '../../protocols/raft/state.ts'
import type { Entry, RaftEffect, RaftInput, RaftMessage, RaftTimer } from '../../protocols/raft/types.ts'
import type {
  Keepalive,
  KeepaliveAck,
  KeepaliveRefusal,
  VoterInput,
  WithdrawAnswer,
  WithdrawRequest,
} from '../../protocols/support/types.ts'
import { createVoter, lastHeardMs, stepVoter, type Voter } from '../../protocols/support/voter.ts'
import { apply, createRegistry, type Registry } from '../../registry/registry.ts'
import type { Command, RegistryEvent } from '../../registry/types.ts'
import { ProcessTask } from '../bare/process-task.ts'
import type { Incarnation } from '../incarnation.ts'
import { Alarm } from './alarm.ts'
import { CoreCandidate } from './core-candidate.ts'
import type { Batch } from './core-disk.ts'
import { CoreOutbox } from './core-outbox.ts'
import type { CoreHost, CoreSurroundings } from './core-surroundings.ts'
import type { Letter } from './letter.ts'

type VoterReply = KeepaliveAck | KeepaliveRefusal | WithdrawAnswer

/** So much later than the leader's own, as in `cluster/driver.ts`: whoever hears it beats with it. */
const ownBeatPart = 17 / 16

/** How what happens in a process stands in the trace. */
const inTurn = { phase: 'input', mark: 7 } as const

export class CoreProcess {
  readonly raft: Raft<Command>
  readonly voter: Voter
  readonly registry: Registry
  readonly incarnation: Incarnation
  readonly candidates: readonly CoreCandidate[]
  readonly #world: CoreSurroundings
  readonly #machine: CoreHost
  readonly #place: number
  readonly #inputs: RaftInput<Command>[] = []
  #appliedIndex = 0
  #arbiter: Arbiter | null = null
  readonly #outbox: CoreOutbox
  #batch: Batch | null = null
  #raftDurable = 0
  #voterDurable = 0
  #raftGated: Extract<RaftEffect<Command>, { type: 'send' }>[] = []
  #voterGated: { readonly after: number; readonly to: PeerId; readonly message: VoterReply }[] = []
  readonly #downs = new Set<PeerId>()
  #lastBeat = -Infinity
  readonly #alarms: Readonly<Record<RaftTimer | 'support' | 'beat', Alarm>>

  constructor(world: CoreSurroundings, machine: CoreHost, incarnation: Incarnation) {
    this.#world = world
    this.#machine = machine
    this.#place = machine.place
    this.incarnation = incarnation
    this.#outbox = new CoreOutbox(world.stage, machine.place)
    const { disk, clock } = machine
    const { timing } = world.plan
    this.raft = createRaft(
      {
        self: machine.id,
        configuration: world.configuration,
        heartbeatMs: timing.heartbeatMs,
        electionTimeoutMs: timing.electionTimeoutMs,
        rankStepMs: 10,
        maxEntriesPerAppend: world.plan.maxEntriesPerAppend,
        maxInflightAppends: world.plan.maxInflightAppends,
      },
      disk,
    )
    machine.raft = this.raft
    this.voter = createVoter({
      self: machine.id,
      incarnation: incarnation.run,
      bounds: timing,
      startedAt: clock.read(),
      withdrawals: disk.withdrawals,
    })
    this.registry = createRegistry({ tokenBase: world.plan.tokenBase })
    const raftAlarm = (timer: RaftTimer, number: number): Alarm =>
      this.#alarm(number, () => this.#inputs.push({ type: 'timer', timer }))
    this.#alarms = {
      election: raftAlarm('election', 1),
      heartbeat: this.#alarm(2, () => {
        this.#inputs.push({ type: 'timer', timer: 'heartbeat' })
        this.#beat()
      }),
      succession: raftAlarm('succession', 3),
      transfer: raftAlarm('transfer', 4),
      support: this.#alarm(5, () => this.#stepVoter({ type: 'wake' })),
      beat: this.#alarm(6, () => this.#beat()),
    }
    this.candidates = world.plan.candidates
      .filter(({ process }) => process === machine.id)
      .map((plan) => new CoreCandidate(plan, this.#candidateWorld()))
  }

  start(): void {
    this.#inputs.push({ type: 'start' })
    this.#armBeat()
    this.settle()
  }

  #alarm(number: number, act: () => void): Alarm {
    return new Alarm(this.#world.stage.scheduler, this.incarnation, number, () => {
      act()
      this.settle()
    })
  }

  #candidateWorld(): ConstructorParameters<typeof CoreCandidate>[1] {
    const { plan, claims, configuration, stage } = this.#world
    return {
      timing: plan.timing,
      configuration,
      host: { peer: this.#machine.id, incarnation: this.incarnation.run },
      chance: this.#machine.chance,
      now: () => this.#machine.clock.read(),
      after: (delayMs, act) =>
        stage.scheduler.put(
          new ProcessTask(this.incarnation, inTurn, () => {
            act()
            this.settle()
          }),
          this.#machine.clock.after(delayMs),
        ),
      propose: (proposal) => this.#propose(proposal),
      keepalive: (keepalive) => this.#toEveryVoter(keepalive),
      elected: (candidate) => {
        this.#world.elected(this.#machine.id, candidate)
        claims.elected(candidate)
      },
      lost: (candidate) => {
        claims.leading.delete(candidate)
        this.#world.stage.log?.(this.#machine.id, `lost ${candidate.plan.election}`)
      },
    }
  }

  // ---- inputs ----------------------------------------------------------------------------------------------------

  receive(from: PeerId, letters: readonly Letter[]): void {
    if (this.#downs.size > 0) this.#downs.delete(from)
    for (const letter of letters) {
      this.#world.stage.log?.(this.#machine.id, `hears ${letter.type} of ${from}`, letter)
      this.#take(from, letter)
    }
    this.settle()
  }

  #take(from: PeerId, letter: Letter): void {
    switch (letter.type) {
      case 'heartbeat':
        this.#inputs.push({ type: 'message', from, message: letter })
        this.#drain()
        this.#beatWith()
        return
      case 'keepalive':
        this.#heard(from, letter)
        return
      case 'keepalive-ack':
      case 'keepalive-refusal':
      case 'withdraw-answer':
        this.#replied(letter)
        return
      case 'withdraw-request':
        this.#stepVoter({ type: 'withdraw-request', from, request: letter })
        return
      case 'propose':
        this.#arbiter?.received(from, letter.proposal, this.#machine.clock.read())
        return
      case 'turned-away':
        this.#candidate(letter.session)?.ended()
        return
      default:
        this.#inputs.push({ type: 'message', from, message: letter })
        this.#drain()
    }
  }

  /** Death evidence, true or not. */
  evidence(peer: PeerId): void {
    this.#downs.add(peer)
    this.feed({ type: 'evidence', peer })
    this.#arbiter?.examine(this.#machine.clock.read())
    this.settle()
  }

  feed(input: RaftInput<Command>): void {
    this.#inputs.push(input)
    this.settle()
  }

  // ---- turns -----------------------------------------------------------------------------------------------------

  /** Ends a turn: until nothing is left to do, then everything leaves. */
  settle(): void {
    do {
      this.#drain()
      if (this.#arbiter !== null && this.raft.transfer === null && this.raft.role.name === 'leader')
        this.#arbiter.grant(this.#machine.clock.read())
    } while (this.#inputs.length > 0)
    if (this.#batch !== null) this.#write(this.#batch)
    this.#outbox.sendUrgent()
  }

  #drain(): void {
    for (let input = this.#inputs.shift(); input !== undefined; input = this.#inputs.shift()) {
      const effects = this.#world.step(this.raft, input)
      this.#world.raftChecks.afterStep(this.#machine, effects, this.#world.stage.machines)
      for (const effect of effects) this.#execute(effect)
    }
  }

  #execute(effect: RaftEffect<Command>): void {
    switch (effect.type) {
      case 'send':
        if (effect.after !== undefined && effect.after > this.#raftDurable) this.#raftGated.push(effect)
        else this.#sendRaft(effect.to, effect.message)
        return
      case 'arm-timer': {
        const { timer, minMs, maxMs } = effect
        const delayMs = minMs === maxMs ? minMs : this.#machine.chance.between(minMs, maxMs)
        this.#alarms[timer].set(this.#machine.clock.after(delayMs))
        return
      }
      case 'cancel-timer':
        this.#alarms[effect.timer].cancel()
        return
      case 'persist': {
        const batch = this.#batchOfThisTurn()
        batch.raft.push(effect)
        batch.raftSequence = effect.sequence
        return
      }
      case 'commit':
        this.#world.learned()
        for (const entry of effect.entries) this.#apply(entry)
        return
      case 'appended':
        for (const { data } of effect.entries)
          if (data !== null) this.#world.claims.proposed(this.#machine.id, data)
        this.#arbiter?.appended(effect.entries)
        return
      case 'became':
        this.#became(effect.role === 'leader', effect.term)
        return
      case 'read-ready':
      case 'read-failed':
      case 'proposal-refused':
      case 'transfer-ended':
        return
      default:
        effect satisfies never
    }
  }

  #became(leads: boolean, term: number): void {
    if (!leads) {
      this.#arbiter = null
      return
    }
    this.#world.led(this.#machine.id, term)
    this.#arbiter ??= this.#newArbiter()
  }

  #newArbiter(): Arbiter {
    const { log } = this.raft
    const { id, clock } = this.#machine
    return new Arbiter(
      { configuration: this.#world.configuration, heartbeatMs: this.raft.options.heartbeatMs },
      {
        lastHeardMs: (session) => lastHeardMs(this.voter, session),
        evidenceAgainst: (host) =>
          host !== null &&
          (host.peer === id ? host.incarnation < this.incarnation.run : this.#downs.has(host.peer)),
        logIsFull: () => null,
      },
      {
        propose: (commands) => this.#inputs.push({ type: 'propose', data: commands }),
        askForWithdrawal: (session, epoch) =>
          this.#toEveryVoter({ type: 'withdraw-request', session, epoch }),
        turnAway: (sponsor, session) => {
          if (sponsor === id) this.#candidate(session)?.ended()
          else this.#outbox.post(sponsor, { type: 'turned-away', session }, true)
        },
      },
      {
        registry: this.registry,
        appliedIndex: this.#appliedIndex,
        entries: entriesBetween(log, this.#appliedIndex + 1, lastIndex(log)),
        now: clock.read(),
      },
    )
  }

  #apply(entry: Entry<Command>): void {
    this.#appliedIndex = entry.index
    const events = entry.data === null ? [] : apply(this.registry, entry.index, entry.data)
    this.#world.claims.applied(this.#place, entry.index, events)
    for (const event of events) this.#tell(event)
  }

  #tell(event: RegistryEvent): void {
    switch (event.type) {
      case 'session-opened':
      case 'session-reopened': {
        const { session, epoch, leaseMs } = event
        this.#stepVoter({ type: 'opened', session, epoch, leaseMs })
        break
      }
      case 'session-superseded':
        this.#stepVoter({ type: 'superseded', session: event.session })
        break
      case 'session-closed':
        this.#stepVoter({ type: 'closed', session: event.session })
        break
      default:
    }
    if ('session' in event) this.#candidate(event.session)?.applied(event)
  }

  #candidate(session: string): CoreCandidate | undefined {
    for (const candidate of this.candidates) if (candidate.session === session) return candidate
    return undefined
  }

  // ---- support -----------------------------------------------------------------------------------------------------

  #heard(from: PeerId, keepalive: Keepalive): void {
    this.#world.claims.heard(this.#place, keepalive.session)
    const patient = keepalive.patient === true
    for (const effect of stepVoter(
      this.voter,
      { type: 'keepalive', from, keepalive },
      this.#machine.clock.read(),
    ))
      this.#executeVoter(effect, patient)
  }

  #stepVoter(input: VoterInput): void {
    for (const effect of stepVoter(this.voter, input, this.#machine.clock.read()))
      this.#executeVoter(effect, false)
  }

  #executeVoter(effect: ReturnType<typeof stepVoter>[number], patient: boolean): void {
    switch (effect.type) {
      case 'send': {
        const { to, message, after } = effect
        if (after !== undefined && after > this.#voterDurable) this.#voterGated.push({ after, to, message })
        else this.#sendReply(to, message, patient)
        return
      }
      case 'persist': {
        // Whatever was acknowledged before is said before.
        this.#outbox.sendAll()
        this.#world.claims.withdraws(this.#place, effect.withdrawal)
        const batch = this.#batchOfThisTurn()
        batch.withdrawals.push(effect.withdrawal)
        batch.voterSequence = effect.sequence
        return
      }
      case 'wake-at': {
        const { support } = this.#alarms
        if (effect.at === null) support.cancel()
        else support.set(this.#machine.clock.after(Math.max(0, effect.at - this.#machine.clock.read())))
        return
      }
      default:
        effect satisfies never
    }
  }

  #sendReply(to: PeerId, message: VoterReply, patient: boolean): void {
    this.#world.claims.tells(this.#place, message)
    if (to === this.#machine.id) this.#replied(message)
    else this.#outbox.post(to, message, !(patient && message.type === 'keepalive-ack'))
  }

  #replied(reply: VoterReply): void {
    switch (reply.type) {
      case 'keepalive-ack':
        this.#candidate(reply.session)?.acknowledged(reply)
        return
      case 'keepalive-refusal':
        this.#candidate(reply.session)?.refused(reply)
        return
      case 'withdraw-answer':
        this.#arbiter?.withdrawn(reply.voter, reply.session, reply.epoch)
        return
      default:
        reply satisfies never
    }
  }

  #toEveryVoter(message: Keepalive | WithdrawRequest): void {
    const { id } = this.#machine
    if (message.type === 'keepalive') this.#heard(id, message)
    else this.#stepVoter({ type: 'withdraw-request', from: id, request: message })
    this.#outbox.postToOthers(message)
  }

  #propose(proposal: Proposal): void {
    const leader = leaderOf(this.raft)
    if (this.#arbiter !== null) this.#arbiter.received(this.#machine.id, proposal, this.#machine.clock.read())
    else if (leader !== null && leader !== this.#machine.id)
      this.#outbox.post(leader, { type: 'propose', proposal }, true)
  }

  // ---- beats -------------------------------------------------------------------------------------------------------

  /** With the leader's heartbeat, so that everything for one peer leaves at once. */
  #beatWith(): void {
    const { heartbeatMs } = this.raft.options
    if (this.#world.stage.scheduler.now - this.#lastBeat >= heartbeatMs / 2) this.#beat()
  }

  #beat(): void {
    this.#lastBeat = this.#world.stage.scheduler.now
    this.#armBeat()
    for (const candidate of this.candidates) {
      candidate.beat()
      if (candidate.token !== null) this.#world.claims.alone(candidate)
    }
    this.#arbiter?.examine(this.#machine.clock.read())
    this.#outbox.hurry()
  }

  #armBeat(): void {
    this.#alarms.beat.set(this.#machine.clock.after(this.raft.options.heartbeatMs * ownBeatPart))
  }

  // ---- out -----------------------------------------------------------------------------------------------------------

  #sendRaft(to: PeerId, message: RaftMessage<Command>): void {
    this.#world.raftChecks.onSend(this.#machine, to, message)
    this.#outbox.post(to, message, true)
  }

  #batchOfThisTurn(): Batch {
    this.#batch ??= { raft: [], withdrawals: [], raftSequence: 0, voterSequence: 0 }
    return this.#batch
  }

  #write(batch: Batch): void {
    this.#batch = null
    const { disk } = this.#machine
    disk.pending.push(batch)
    if (disk.pending.length === 1) this.#waitForDisk()
  }

  #waitForDisk(): void {
    const { scheduler } = this.#world.stage
    const task = new ProcessTask(this.incarnation, inTurn, () => this.#written())
    scheduler.put(task, scheduler.now + this.#machine.writeTakesMs())
  }

  #written(): void {
    const { disk } = this.#machine
    const batch = disk.complete()
    if (batch === undefined) return
    if (disk.pending.length > 0) this.#waitForDisk()
    for (const withdrawal of batch.withdrawals) this.#world.claims.withdrew(this.#place, withdrawal)
    if (batch.voterSequence > 0) {
      this.#voterDurable = batch.voterSequence
      const free = this.#voterGated.filter(({ after }) => after <= this.#voterDurable)
      this.#voterGated = this.#voterGated.filter(({ after }) => after > this.#voterDurable)
      for (const { to, message } of free) this.#sendReply(to, message, false)
    }
    if (batch.raftSequence > 0) {
      this.#raftDurable = batch.raftSequence
      const free = this.#raftGated.filter(({ after }) => (after ?? 0) <= this.#raftDurable)
      this.#raftGated = this.#raftGated.filter(({ after }) => (after ?? 0) > this.#raftDurable)
      for (const { to, message } of free) this.#sendRaft(to, message)
      this.#inputs.push({ type: 'persisted', sequence: this.#raftDurable })
    }
    this.settle()
  }
}
