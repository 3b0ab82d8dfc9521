/** One run of one peer: its acceptor and its session, tied together as the host of `cluster/engine` does. */
import {
  createAcceptor,
  stepAcceptor,
  stopAcceptor,
  type Acceptor,
} from '../../protocols/paxos/acceptor/acceptor.ts'
import type {
  AcceptorEffect,
  AcceptorInput,
  AcceptorRecord,
  Address,
  PaxosReply,
  PaxosRequest,
} from '../../protocols/paxos/types.ts'
import type { PeerId } from '../../protocols/quorum/types.ts'
import { Alarm } from '../core/alarm.ts'
import type { CorePlan } from '../core/core-plan.ts'
import type { CoreClock } from '../core/core-clock.ts'
import type { Surroundings } from '../bare/surroundings.ts'
import { ProcessTask } from '../bare/process-task.ts'
import type { Incarnation } from '../incarnation.ts'
import type { Stream } from '../streams.ts'
import type { Leading, PaxosClaims } from './paxos-claims.ts'
import { PaxosSessionRun } from './paxos-session.ts'

/** What peers write to each other. */
export type PaxosLetter =
  | { readonly type: 'ask'; readonly from: Address; readonly request: PaxosRequest }
  | { readonly type: 'answer'; readonly session: string; readonly from: PeerId; readonly reply: PaxosReply }

export interface PaxosSurroundings {
  readonly plan: CorePlan
  readonly stage: Surroundings<PaxosHost, PaxosLetter>
  readonly claims: PaxosClaims
  elected(id: string, leading: Leading): void
}

/** The machine that it runs on. */
export interface PaxosHost {
  readonly id: string
  readonly place: number
  readonly clock: CoreClock
  readonly chance: Stream
  /** What is durable. */
  disk: AcceptorRecord | null
  /** Being written, in this order. */
  readonly pending: AcceptorRecord[]
  /** True time at which the last of them is durable. */
  writtenAt: number
  writeTakesMs(): number
}

/** How what happens in a process stands in the trace. */
const inTurn = { phase: 'timer', mark: 3 } as const

export class PaxosProcess {
  readonly incarnation: Incarnation
  readonly acceptor: Acceptor
  readonly session: PaxosSessionRun
  readonly #world: PaxosSurroundings
  readonly #machine: PaxosHost
  readonly #letters = new Map<number, PaxosLetter[]>()
  readonly #local: PaxosLetter[] = []
  readonly #gated: { readonly after: number; readonly to: Address; readonly reply: PaxosReply }[] = []
  /** True time at which each session was heard last by this run. */
  readonly #heardAt = new Map<string, number>()
  readonly #startedAt: number
  readonly #wake: Alarm
  readonly #beat: Alarm
  #written: { readonly sequence: number; readonly record: AcceptorRecord }[] = []
  #durable = 0
  #sessions = 0

  constructor(world: PaxosSurroundings, machine: PaxosHost, incarnation: Incarnation) {
    this.#world = world
    this.#machine = machine
    this.incarnation = incarnation
    this.#startedAt = world.stage.scheduler.now
    const { timing } = world.plan
    this.acceptor = createAcceptor({
      self: machine.id,
      incarnation: incarnation.run,
      bounds: timing,
      heartbeatMs: timing.heartbeatMs,
      startedAt: machine.clock.read(),
      recovered: machine.disk,
    })
    const alarm = (number: number, act: () => void): Alarm =>
      new Alarm(world.stage.scheduler, incarnation, number, () => {
        act()
        this.settle()
      })
    this.#wake = alarm(1, () => this.#step({ type: 'wake' }))
    this.#beat = alarm(2, () => this.#beats())
    this.session = new PaxosSessionRun(
      world.plan.candidates.filter(({ process }) => process === machine.id),
      this.#sessionWorld(),
    )
  }

  start(): void {
    this.#beats()
    this.settle()
  }

  #beats(): void {
    this.session.beat()
    this.#beat.set(this.#machine.clock.after(this.#world.plan.timing.heartbeatMs))
  }

  #sessionWorld(): ConstructorParameters<typeof PaxosSessionRun>[1] {
    const { plan, claims, stage } = this.#world
    const { id, clock, chance } = this.#machine
    const host = { peer: id, incarnation: this.incarnation.run }
    return {
      timing: plan.timing,
      acceptors: plan.peers.map(({ name }) => name),
      chance,
      now: () => clock.read(),
      after: (delayMs, act) =>
        stage.scheduler.put(
          new ProcessTask(this.incarnation, inTurn, () => {
            act()
            this.settle()
          }),
          clock.after(delayMs),
        ),
      ask: (session, to, request) => {
        const letter: PaxosLetter = { type: 'ask', from: { session, via: id, host }, request }
        for (const { name } of plan.peers) if (to === null || to === name) this.#post(name, letter)
      },
      elected: (leading) => {
        this.#world.elected(id, leading)
        claims.elected(leading)
      },
      ended: (leading) => {
        claims.ended(leading)
        this.#world.stage.log?.(id, `lost ${leading.election}`)
      },
      key: () => `${id}.${this.incarnation.run}.${(this.#sessions += 1)}`,
    }
  }

  #post(to: PeerId, letter: PaxosLetter): void {
    const place = this.#world.stage.placeOf(to)
    if (place === this.#machine.place) {
      this.#local.push(letter)
      return
    }
    const letters = this.#letters.get(place)
    if (letters === undefined) this.#letters.set(place, [letter])
    else letters.push(letter)
  }

  receive(_from: PeerId, letters: readonly PaxosLetter[]): void {
    for (const letter of letters) this.#take(letter)
    this.settle()
  }

  #take(letter: PaxosLetter): void {
    const { log } = this.#world.stage
    if (letter.type === 'answer') {
      log?.(this.#machine.id, `hears ${letter.reply.type} of ${letter.from}`, letter.reply)
      this.session.answered(letter.session, letter.from, letter.reply)
      return
    }
    const { from, request } = letter
    log?.(this.#machine.id, `is asked ${request.type} by ${from.session}`, request)
    this.#step({ type: 'request', from, request })
  }

  /** What it writes when it stops in order; null: nothing but what is under way. */
  lastRecord(): AcceptorRecord | null {
    return stopAcceptor(this.acceptor, this.#machine.clock.read())
  }

  evidence(peer: PeerId, incarnation: number): void {
    this.#step({ type: 'evidence', peer, incarnation })
    this.settle()
  }

  #step(input: AcceptorInput): void {
    const isOwnDoing = input.type !== 'request'
    const before = isOwnDoing ? this.#timeModeOwners() : null
    const effects = stepAcceptor(this.acceptor, input, this.#machine.clock.read())
    if (before !== null) this.#judgeDrops(before)
    for (const effect of effects) this.#execute(effect)
  }

  #timeModeOwners(): Map<string, string> {
    const owners = new Map<string, string>()
    for (const [instance, { accepted }] of this.acceptor.entries)
      if (accepted?.exclusivity === 'time') owners.set(instance, accepted.session)
    return owners
  }

  #judgeDrops(before: ReadonlyMap<string, string>): void {
    const { now } = this.#world.stage.scheduler
    for (const [instance, session] of before) {
      if (this.acceptor.entries.get(instance)?.accepted?.session === session) continue
      const since = Math.max(this.#startedAt, this.#heardAt.get(session) ?? -Infinity)
      this.#world.claims.drops(
        this.#machine.place,
        `${session} of ${instance}`,
        now - since,
        this.#world.plan.timing.leaseMs,
      )
    }
  }

  #execute(effect: AcceptorEffect): void {
    switch (effect.type) {
      case 'reply':
        // A proposal that is rejected does not count as heard.
        if (effect.reply.type === 'keepalive-ack' || effect.reply.type === 'accepted')
          this.#heardAt.set(effect.to.session, this.#world.stage.scheduler.now)
        if (effect.after === undefined || effect.after <= this.#durable) this.#reply(effect.to, effect.reply)
        else this.#gated.push({ to: effect.to, reply: effect.reply, after: effect.after })
        return
      case 'persist':
        this.#written.push(effect)
        return
      case 'wake-at':
        if (effect.at === null) this.#wake.cancel()
        else this.#wake.set(this.#machine.clock.after(effect.at - this.#machine.clock.read()))
        return
      default:
        effect satisfies never
    }
  }

  #reply({ session, via }: Address, reply: PaxosReply): void {
    this.#world.claims.tells(this.#machine.place, session, reply, this.#machine.disk)
    this.#post(via, { type: 'answer', session, from: this.#machine.id, reply })
  }

  /** The end of a turn: what the process has for itself, then one write, then one packet for each other peer. */
  settle(): void {
    for (let letter = this.#local.shift(); letter !== undefined; letter = this.#local.shift())
      this.#take(letter)
    for (const { sequence, record } of this.#written.splice(0)) this.#write(sequence, record)
    for (const [place, letters] of this.#letters)
      this.#world.stage.network.send(this.#machine.place, place, letters)
    this.#letters.clear()
  }

  #write(sequence: number, record: AcceptorRecord): void {
    this.#machine.pending.push(record)
    const task = new ProcessTask(this.incarnation, inTurn, () => {
      this.#machine.disk = this.#machine.pending.shift() ?? this.#machine.disk
      this.#durable = sequence
      for (const gated of this.#gated.splice(0)) {
        if (gated.after <= sequence) this.#reply(gated.to, gated.reply)
        else this.#gated.push(gated)
      }
      this.settle()
    })
    const { scheduler } = this.#world.stage
    this.#machine.writtenAt = Math.max(this.#machine.writtenAt, scheduler.now) + this.#machine.writeTakesMs()
    scheduler.put(task, this.#machine.writtenAt)
  }
}
