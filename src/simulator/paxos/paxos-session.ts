/**
 * A session in a peer's process with everything it stands for: what `backends/paxos/session` and an application do,
 * without promises.
 */
import { holderValidityMs, grantorSilenceMs } from '../../lease/deadline.ts'
import type { Timing } from '../../lease/timing.ts'
import {
  beat,
  campaign,
  createProposer,
  leave,
  proclaim,
  received,
  seek,
  wake,
  type Proposer,
  type Moment,
  type ProposerEffect,
} from '../../protocols/paxos/proposer/proposer.ts'
import { electionInstance, idInstance } from '../../protocols/paxos/proposer/state.ts'
import type { PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import { supportedSince } from '../../protocols/support/holder.ts'
import type { CandidatePlan } from '../core/core-plan.ts'
import type { Stream } from '../streams.ts'
import type { Leading } from './paxos-claims.ts'

/** What a session needs of the process that it lives in. */
export interface PaxosSessionWorld {
  readonly timing: Timing
  readonly acceptors: readonly PeerId[]
  readonly chance: Stream
  /** By the process's clock. */
  now(): number
  /** Ends with the process. */
  after(delayMs: number, act: () => void): void
  ask(session: string, to: PeerId | null, request: PaxosRequest): void
  elected(leading: Leading): void
  ended(leading: Leading): void
  key(): string
}

/** One election that the session's application stands in. */
interface Standing {
  readonly plan: CandidatePlan
  leading: Leading | null
  /** Since it won; a later win is another. */
  wins: number
  isIn: boolean
}

export class PaxosSessionRun {
  readonly id: string
  readonly #world: PaxosSessionWorld
  readonly #standings = new Map<string, Standing>()
  readonly #alarms = new Map<string, number>()
  #proposer: Proposer<number>
  #session = ''
  #state: 'resting' | 'opening' | 'open' = 'resting'
  #armed = 0

  constructor(plans: readonly CandidatePlan[], world: PaxosSessionWorld) {
    this.#world = world
    this.id = plans[0]?.candidate ?? ''
    for (const plan of plans) {
      this.#standings.set(electionInstance(plan.election), { plan, leading: null, wins: 0, isIn: false })
    }
    this.#proposer = this.#begin()
    this.#rest(plans[0], () => this.#open())
  }

  get session(): string {
    return this.#session
  }

  /** It is open, and campaigns for this election or leads it. */
  standsIn(election: string): boolean {
    return this.#state === 'open' && this.#standings.get(electionInstance(election))?.isIn === true
  }

  #begin(): Proposer<number> {
    const { timing, acceptors } = this.#world
    const { leaseMs, heartbeatMs } = timing
    this.#session = this.#world.key()
    return createProposer<number>({
      session: this.#session,
      id: this.id,
      leaseMs,
      configuration: { voters: acceptors },
      heartbeatMs,
      stepMs: 10,
      patience: Math.ceil(leaseMs / heartbeatMs) + 1,
      quietMs: grantorSilenceMs(leaseMs, timing) + 6 * heartbeatMs,
    })
  }

  #rest(plan: CandidatePlan | undefined, act: () => void): void {
    const [least, most] = plan?.restsMs ?? [1, 2]
    this.#world.after(this.#world.chance.between(least, most), act)
  }

  #open(): void {
    if (this.#state !== 'resting') return
    this.#state = 'opening'
    this.#proposer = this.#begin()
    this.beat()
    const instance = idInstance(this.id)
    const request = { instance, exclusivity: 'token', priority: 0, metadata: {} } as const
    this.#execute(campaign(this.#proposer, request, this.#world.now()))
  }

  // ---- once a heartbeat --------------------------------------------------------------------------------------------

  beat(): void {
    if (this.#state === 'resting') return
    this.#execute(beat(this.#proposer, { instant: this.#world.now(), ...this.#moment() }))
  }

  #moment(): Moment {
    const lapsed = supportedSince(this.#proposer.holder) !== null && !this.#isSupported()
    return { now: this.#world.now(), lapsed }
  }

  #isSupported(): boolean {
    const since = supportedSince(this.#proposer.holder)
    const { timing } = this.#world
    return since !== null && this.#world.now() - since < holderValidityMs(timing.leaseMs, timing)
  }

  answered(session: string, from: PeerId, reply: PaxosReply): void {
    if (session !== this.#session || this.#state === 'resting') return
    this.#execute(received(this.#proposer, from, reply, this.#moment()))
  }

  // ---- what its application does ------------------------------------------------------------------------------------

  resign(election: string, to: string | null = null): void {
    const instance = electionInstance(election)
    const standing = this.#standings.get(instance)
    if (standing?.leading == null) return
    this.#stop(standing)
    this.#execute(leave(this.#proposer, instance, to))
    this.#rest(standing.plan, () => this.#stand(standing))
  }

  /** Gives up waiting; whoever leads proclaims something instead. */
  cancel(election: string): void {
    const instance = electionInstance(election)
    const standing = this.#standings.get(instance)
    if (standing === undefined || this.#state !== 'open' || !standing.isIn) return
    if (standing.leading !== null) {
      const said = proclaim(this.#proposer, instance, { at: String(this.#world.now()) })
      if (said !== null) this.#execute(said.effects)
      return
    }
    standing.isIn = false
    this.#execute(leave(this.#proposer, instance))
    this.#rest(standing.plan, () => this.#stand(standing))
  }

  transfer(election: string, to: string): void {
    const instance = electionInstance(election)
    if (this.#standings.get(instance)?.leading == null) return
    this.#execute(seek(this.#proposer, instance, to))
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#endAll()
    this.#world.ask(this.#session, null, { type: 'close' })
    this.#over()
  }

  #over(): void {
    this.#state = 'resting'
    this.#alarms.clear()
    this.#rest([...this.#standings.values()][0]?.plan, () => this.#open())
  }

  #endAll(): void {
    for (const standing of this.#standings.values()) {
      if (standing.leading !== null) this.#stop(standing)
      standing.isIn = false
    }
  }

  #stand(standing: Standing): void {
    if (this.#state !== 'open' || standing.isIn) return
    standing.isIn = true
    const { election, exclusivity, priority } = standing.plan
    const request = { instance: electionInstance(election), exclusivity, priority, metadata: {} }
    this.#execute(campaign(this.#proposer, request, this.#world.now()))
  }

  #stop(standing: Standing): void {
    const { leading } = standing
    standing.leading = null
    standing.isIn = false
    if (leading !== null) this.#world.ended(leading)
  }

  // ---- the proposer ------------------------------------------------------------------------------------------------

  #execute(effects: readonly ProposerEffect[]): void {
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: ProposerEffect): void {
    switch (effect.type) {
      case 'send':
        this.#world.ask(this.#session, effect.to, effect.request)
        return
      case 'arm': {
        const number = (this.#armed += 1)
        const { instance, minMs, maxMs } = effect
        this.#alarms.set(instance, number)
        this.#world.after(this.#world.chance.between(minMs, maxMs), () => {
          if (this.#alarms.get(instance) !== number) return
          this.#alarms.delete(instance)
          this.#execute(wake(this.#proposer, instance, this.#moment()))
        })
        return
      }
      case 'disarm':
        this.#alarms.delete(effect.instance)
        return
      case 'won':
        this.#won(effect.instance, effect.token)
        return
      case 'duplicate':
        this.#endAll()
        this.#world.ask(this.#session, null, { type: 'close' })
        this.#over()
        return
      case 'lost':
      case 'refused':
        this.#lost(effect.instance)
        return
      case 'sought':
        if (effect.waits) this.#handOver(effect.instance, effect.to)
        return
      case 'renewed':
      case 'waiting':
      case 'left':
      case 'proclaimed':
        return
      default:
        effect satisfies never
    }
  }

  #handOver(instance: string, to: string): void {
    const standing = this.#standings.get(instance)
    if (standing?.leading != null) this.resign(standing.plan.election, to)
  }

  #won(instance: string, token: number): void {
    const standing = this.#standings.get(instance)
    if (standing === undefined) {
      if (this.#state !== 'opening') return
      this.#state = 'open'
      for (const one of this.#standings.values()) this.#stand(one)
      return
    }
    if (!standing.isIn) return
    // Its support ran out between: what nobody was told of is given back.
    if (!this.#isSupported()) {
      standing.isIn = false
      this.#execute(leave(this.#proposer, instance))
      this.#rest(standing.plan, () => this.#stand(standing))
      return
    }
    const { election, exclusivity, holdsMs } = standing.plan
    const win = (standing.wins += 1)
    standing.leading = {
      election,
      exclusivity,
      token,
      session: this.#session,
      isValid: () => this.#isSupported(),
    }
    this.#world.elected(standing.leading)
    if (holdsMs === null) return
    this.#world.after(this.#world.chance.between(...holdsMs), () => {
      if (standing.wins === win) this.resign(election)
    })
  }

  #lost(instance: string): void {
    const standing = this.#standings.get(instance)
    if (standing === undefined) {
      // Another process has the id: this session is over.
      this.#endAll()
      this.#world.ask(this.#session, null, { type: 'close' })
      this.#over()
      return
    }
    this.#stop(standing)
    this.#rest(standing.plan, () => this.#stand(standing))
  }
}
