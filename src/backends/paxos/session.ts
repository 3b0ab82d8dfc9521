/**
 * The proposer of one session of a Paxos cluster as the session hosts it: it beats, and tells each candidacy what was
 * decided. It opens by winning the instance of its candidate id, so a second process with that id finds it taken.
 */
import { NamedTimers } from '../../cluster/timers.ts'
import { MandateError } from '../../errors.ts'
import { grantorSilenceMs } from '../../lease/deadline.ts'
import {
  beat,
  campaign,
  createProposer,
  leave,
  proclaim,
  received,
  seek,
  wake,
  type Moment,
  type Proposer,
  type ProposerEffect,
} from '../../protocols/paxos/proposer/proposer.ts'
import { electionInstance, electionOf, idInstance } from '../../protocols/paxos/proposer/state.ts'
import type { PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import { majoritySize } from '../../protocols/quorum/majority.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import { supportedSince } from '../../protocols/support/holder.ts'
import type { Instant, Timer } from '../../seams/clock.ts'
import { between } from '../../seams/random.ts'
import type { CandidacyRequest, Renewal } from '../backend.ts'
import type { CandidacyProtocol } from '../engine/candidacy.ts'
import type { ProtocolOptions, SessionLife, SessionProtocol } from '../engine/engine.ts'
import { Questions } from '../engine/questions.ts'
import { SponsorPatience } from '../sponsor-patience.ts'
import { unexpired } from '../renewals.ts'
import { Mail } from './mail.ts'

/** Between the tries of two ranks, at least, in ms (DESIGN §4.2: max(10 ms, 3 round trips)). */
const STEP_MS = 10
/** How much longer than a lease a session that hears no majority is silent, in heartbeats. */
const quietHeartbeats = 6

export class PaxosSession implements SessionProtocol<PaxosReply> {
  readonly key: string
  readonly #options: ProtocolOptions
  readonly #life: SessionLife<PaxosRequest>
  readonly #proposer: Proposer<Instant>
  readonly #mail: Mail
  readonly #timers: NamedTimers
  readonly #patience: SponsorPatience
  /** By instance and ballot: a later candidacy may stand in the same election already. */
  readonly #leavings: Questions<string, true>
  readonly #seekings: Questions<string, boolean>
  /** By instance and revision. */
  readonly #proclamations: Questions<string, boolean>
  readonly #closedBy = new Set<PeerId>()
  #beatTimer: Timer | null = null
  #renewal: Renewal | null = null
  #isUp = false

  constructor(options: ProtocolOptions, life: SessionLife<PaxosRequest>) {
    const { env, timing, candidateId, leaseMs, voters } = options
    const { clock } = env
    const { heartbeatMs } = timing
    this.#options = options
    this.#life = life
    this.key = `${candidateId}~${env.random.id()}`
    this.#timers = new NamedTimers(clock)
    this.#patience = new SponsorPatience({ clock, heartbeatMs })
    this.#leavings = new Questions({ clock, leaseMs })
    this.#seekings = new Questions({ clock, leaseMs })
    this.#proclamations = new Questions({ clock, leaseMs })
    this.#proposer = createProposer({
      session: this.key,
      id: candidateId,
      leaseMs,
      configuration: { voters },
      heartbeatMs,
      stepMs: STEP_MS,
      patience: Math.ceil(leaseMs / heartbeatMs) + 1,
      quietMs: grantorSilenceMs(leaseMs, timing) + quietHeartbeats * heartbeatMs,
    })
    this.#mail = new Mail(this.key, life.post)
  }

  get renewal(): Renewal | null {
    const { env, timing } = this.#options
    return unexpired(this.#renewal, env.clock, timing)
  }

  // ---- the link -------------------------------------------------------------------------------------------------

  up(): void {
    this.#isUp = true
    this.#patience.restart()
    const { phase } = this.#life
    if (phase === 'opening' || phase === 'open') this.#beat()
    else if (phase === 'closing') this.#askToClose()
  }

  down(): void {
    this.#isUp = false
  }

  heard(from: PeerId, replies: readonly PaxosReply[]): void {
    if (this.#life.phase === 'over') return
    const isClosing = this.#life.phase === 'closing'
    for (const reply of replies) {
      if (reply.type === 'closed') this.#isClosedBy(from)
      // Whatever is asked now arrives after the end: it would take again what that releases.
      else if (!isClosing || reply.type === 'released')
        this.#execute(received(this.#proposer, from, reply, this.#moment()))
    }
  }

  // ---- the end --------------------------------------------------------------------------------------------------

  close(): void {
    // What a proposal on its way would take is released by its ballot; the rest goes with the session.
    for (const { instance, phase } of [...this.#proposer.campaigns.values()])
      if (phase !== 'held') this.#execute(leave(this.#proposer, instance))
    this.#askToClose()
  }

  stop(): void {
    this.#beatTimer?.cancel()
    this.#timers.stop()
    this.#leavings.endAll(true)
  }

  #askToClose(): void {
    this.#mail.put(null, { type: 'close' })
  }

  #isClosedBy(acceptor: PeerId): void {
    if (this.#life.phase !== 'closing') return
    this.#closedBy.add(acceptor)
    if (this.#closedBy.size >= majoritySize(this.#options.voters.length)) this.#life.closed()
  }

  // ---- time -----------------------------------------------------------------------------------------------------

  get #now(): number {
    return this.#options.env.clock.lower()
  }

  #moment(): Moment {
    return { now: this.#now, lapsed: this.#renewal !== null && this.renewal === null }
  }

  #beat(): void {
    const { clock } = this.#options.env
    const { phase } = this.#life
    this.#beatTimer?.cancel()
    if (phase === 'over') return
    this.#beatTimer = clock.setTimer(this.#options.timing.heartbeatMs, () => this.#beat())
    if (phase === 'closing') return this.#askToClose()
    const isFirst = this.#proposer.holder.lastSequence === 0
    // The instant comes first: whatever happens between here and the wire only makes the deadline earlier.
    const instant = clock.upper()
    this.#execute(beat(this.#proposer, { instant, ...this.#moment() }))
    if (isFirst) this.#open()
    this.#patience.look(() => this.#forsake())
  }

  #open(): void {
    const instance = idInstance(this.#options.candidateId)
    this.#execute(
      // Nobody leads by holding an id, so evidence of death may free it at once.
      campaign(this.#proposer, { instance, exclusivity: 'token', priority: 0, metadata: {} }, this.#now),
    )
  }

  /** A client whose peer is cut off from the others. */
  #forsake(): boolean {
    if (this.#isUp) this.#life.changePeer('no majority of the peers answers through this one')
    return this.#isUp
  }

  #renewed(): void {
    const since = supportedSince(this.#proposer.holder)
    if (since === null) return
    this.#patience.answered()
    this.#renewal = { sentAt: since, grantedMs: this.#options.leaseMs }
    this.#life.renewed(this.#renewal)
  }

  // ---- candidacies ----------------------------------------------------------------------------------------------

  candidacy({ election, exclusivity, priority, metadata }: CandidacyRequest): CandidacyProtocol {
    const instance = electionInstance(election)
    return {
      campaign: () => {
        if (this.#life.phase === 'open')
          this.#execute(campaign(this.#proposer, { instance, exclusivity, priority, metadata }, this.#now))
      },
      leave: async (heir, signal) => {
        const ballot = this.#proposer.campaigns.get(instance)?.highest
        const { phase } = this.#life
        // The session is over, or lost it just now: there is nothing to give up any more.
        if (ballot === undefined || phase === 'closing' || phase === 'over') return true
        const send = (): void => this.#execute(leave(this.#proposer, instance, heir))
        return (await this.#leavings.ask(instance, { number: ballot, signal, send })) ?? false
      },
      stands: async (candidate, signal) => {
        if (this.#seekings.isOpen(instance)) return null
        const send = (): void => this.#execute(seek(this.#proposer, instance, candidate))
        return this.#seekings.ask(instance, { signal, send })
      },
      proclaim: async (news, signal) => {
        const proclaimed = proclaim(this.#proposer, instance, news)
        if (proclaimed === null) return 'was-not-holder'
        const { revision: number, effects } = proclaimed
        const send = (): void => this.#execute(effects)
        const isDone = await this.#proclamations.ask(instance, { number, signal, send })
        if (isDone === null) return 'unknown'
        return isDone ? 'done' : 'was-not-holder'
      },
      over: () => {
        this.#seekings.answered(instance, false)
        this.#proclamations.answered(instance, false)
      },
    }
  }

  // ---- the proposer ---------------------------------------------------------------------------------------------

  #execute(effects: readonly ProposerEffect[]): void {
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: ProposerEffect): void {
    switch (effect.type) {
      case 'send':
        this.#mail.put(effect.to, effect.request)
        return
      case 'renewed':
        this.#renewed()
        return
      case 'arm': {
        const delayMs = between(this.#options.env.random, effect.minMs, effect.maxMs)
        const { instance } = effect
        this.#timers.cancel(instance)
        this.#timers.set(instance, delayMs, () =>
          this.#execute(wake(this.#proposer, instance, this.#moment())),
        )
        return
      }
      case 'disarm':
        this.#timers.cancel(effect.instance)
        return
      case 'duplicate':
        this.#isDuplicate(effect.silentMs)
        return
      case 'left':
        this.#leavings.answered(effect.instance, true, effect.ballot)
        return
      case 'won':
      case 'lost':
      case 'refused':
      case 'waiting':
      case 'sought':
      case 'proclaimed': {
        const election = electionOf(effect.instance)
        if (election === null) this.#concerningOwnId(effect.type)
        else this.#concerning(election, effect)
        return
      }
      default:
        effect satisfies never
    }
  }

  #concerning(
    election: string,
    effect: Extract<
      ProposerEffect,
      { type: 'won' | 'lost' | 'refused' | 'waiting' | 'sought' | 'proclaimed' }
    >,
  ): void {
    const candidacy = this.#life.candidacies.get(election)
    if (candidacy === undefined) return
    switch (effect.type) {
      case 'waiting':
        candidacy.waiting(effect.ahead)
        return
      case 'won':
        candidacy.granted(effect.token)
        return
      case 'lost':
        if (candidacy.token === null) return
        candidacy.lost(effect.reason)
        candidacy.begin()
        return
      case 'refused':
        candidacy.refused(effect.exclusivity)
        return
      case 'sought':
        this.#seekings.answered(effect.instance, effect.waits)
        return
      case 'proclaimed':
        this.#proclamations.answered(effect.instance, true, effect.revision)
        return
      default:
        effect satisfies never
    }
  }

  #concerningOwnId(type: ProposerEffect['type']): void {
    if (type === 'won') this.#life.opened()
    // Silent for so long that another process took the id: this one is not that candidate any more.
    if (type === 'lost') this.#isDuplicate(0)
  }

  #isDuplicate(silentMs: number): void {
    const { candidateId } = this.#options
    const error = new MandateError(
      'DUPLICATE_ID',
      `Another process uses the candidate id ${JSON.stringify(candidateId)}, and was heard ` +
        `${Math.round(silentMs)} ms ago. Give each process an id of its own, or stop the other one.`,
      { id: candidateId },
    )
    this.#life.fails(this.#life.phase === 'open' ? 'session-lost' : 'refused', error)
    this.#askToClose()
    this.#mail.flush()
    this.#life.stop()
  }
}
