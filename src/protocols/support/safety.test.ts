/**
 * A tiny world in true time: voters, a holder and an arbiter with clocks of their own, a network that delays, drops and
 * repeats, crashes, pauses, a log. What is checked is the promise of DESIGN §4.1: when the log ends a session, the
 * holder's own deadline is past by the holder's own clock, and nothing that arrives later revives it. Then bugs
 * are planted, one at a time, and each must be seen.
 */
import { expect, it } from 'vitest'
import { holderValidityMs } from '../../lease/deadline.ts'
import {
  acknowledged,
  createHolder,
  isEndangered,
  refused,
  reopened,
  sent,
  supportedSince,
  type Holder,
} from './holder.ts'
import type { SupportMessage, VoterEffect, VoterInput, Withdrawal } from './types.ts'
import { createVoter, stepVoter, type Voter } from './voter.ts'
import { createWithdrawals, withdrawalResult, withdrew } from './withdrawals.ts'

type Bug =
  | 'none'
  | 'a restarted voter forgets what it withdrew'
  | 'a voter answers before its withdrawal is durable'
  | 'a voter goes on acknowledging what it withdrew'
  | 'a voter does not note what it hears'
  | 'a voter counts silence neither from its start nor from the opening'
  | 'a voter counts the lease without drift'
  | 'nobody counts the tick'
  | 'the holder counts from the answer'
  | 'the holder is content with less than a majority'
  | 'an expiry is applied to whatever epoch'

const leaseMs = 100
const session = 's'

/** mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Clock {
  readonly read: (time: number) => number
  /** The true time at which the clock shows it, or a little later. */
  readonly when: (reading: number) => number
}

interface VoterProcess {
  readonly name: string
  readonly clock: Clock
  readonly disk: Withdrawal[]
  voter: Voter | null
  life: number
  applied: number
  durable: number
  readonly gated: { readonly after: number; readonly message: SupportMessage }[]
}

type LogEntry = { readonly is: 'opened'; readonly epoch: number } | { readonly is: 'closed' }

interface Outcome {
  readonly violation: string | null
  readonly expired: boolean
  readonly reopens: number
  readonly renewals: number
}

class World {
  readonly bug: Bug
  readonly random: () => number
  readonly bounds: { maxClockDrift: number; tickMs: number }
  readonly names: string[]
  readonly voters = new Map<string, VoterProcess>()
  readonly holder: Holder<{ at: number }>
  readonly holderClock: Clock
  readonly withdrawals = createWithdrawals()
  readonly log: LogEntry[] = [{ is: 'opened', epoch: 1 }]
  readonly queue: { readonly at: number; readonly order: number; readonly run: () => void }[] = []
  readonly dropRate: number
  readonly delayMs: number
  /** Scales every delay: in a hasty world nothing but the margins of both sides keeps them apart. */
  readonly slowness: number
  readonly diskSlowness: number
  readonly instants = new Map<number, { at: number }>()
  now = 0
  order = 0
  epoch = 1
  pausedUntil = 0
  expired = false
  violation: string | null = null
  reopens = 0
  renewals = 0

  constructor(seed: number, bug: Bug) {
    this.bug = bug
    this.random = randomFrom(seed)
    this.bounds = { maxClockDrift: this.between(0, 0.2), tickMs: this.between(0.1, 8) }
    this.names = ['u', 'v', 'w', 'x', 'y'].slice(0, this.random() < 0.5 ? 3 : 5)
    this.slowness = this.random() < 0.5 ? 1 : 0.02
    this.diskSlowness = this.random() < 0.5 ? 1 : 0.02
    this.dropRate = this.between(0, 0.5)
    this.delayMs = this.between(1, 80) * this.slowness
    this.holderClock = this.makeClock()
    const minority = this.names.slice(0, Math.floor(this.names.length / 2))
    const voters = bug === 'the holder is content with less than a majority' ? minority : this.names
    this.holder = createHolder({ configuration: { voters }, epoch: 1 })
    for (const name of this.names) this.makeVoter(name)
    this.send()
    this.ask()
    this.pause()
  }

  // ---- the world's own machinery ----

  between(low: number, high: number): number {
    return low + this.random() * (high - low)
  }

  after(delay: number, run: () => void): void {
    this.order += 1
    this.queue.push({ at: this.now + delay, order: this.order, run })
  }

  /** Runs within rho of true time and shows multiples of the tick: what both sides allow for, to the full. */
  makeClock(): Clock {
    const { maxClockDrift, tickMs } = this.bounds
    const rate =
      1 + (this.random() < 0.5 ? -1 : 1) * maxClockDrift * (this.random() < 0.7 ? 1 : this.random())
    const offset = this.between(0, 10_000)
    return {
      read: (time) => Math.floor((offset + time * rate) / tickMs) * tickMs,
      when: (reading) => (Math.ceil(reading / tickMs) * tickMs - offset) / rate,
    }
  }

  network(run: () => void): void {
    if (this.random() < this.dropRate) return
    this.after(this.random() * this.delayMs, run)
    if (this.random() < 0.1) this.after(this.random() * 4 * this.delayMs, run)
  }

  play(): Outcome {
    let endAt = 2_500
    while (this.violation === null) {
      let next = 0
      for (let place = 1; place < this.queue.length; place += 1) {
        const [one, other] = [this.queue[place], this.queue[next]]
        if (one === undefined || other === undefined) break
        if (one.at < other.at || (one.at === other.at && one.order < other.order)) next = place
      }
      const [event] = this.queue.splice(next, 1)
      if (event === undefined || event.at > endAt) break
      this.now = event.at
      event.run()
      if (!this.expired) continue
      endAt = Math.min(endAt, this.now + 4 * leaseMs)
      if (this.holderBelieves()) this.violation = `the holder believes at ${this.now} in a session that ended`
    }
    const { violation, expired, reopens, renewals } = this
    return { violation, expired, reopens, renewals }
  }

  /** What the two sides allow for. */
  get counted(): { maxClockDrift: number; tickMs: number } {
    return this.bug === 'nobody counts the tick' ? { ...this.bounds, tickMs: 0 } : this.bounds
  }

  holderBelieves(): boolean {
    const since = supportedSince(this.holder)
    return (
      since !== null && this.holderClock.read(this.now) - since.at < holderValidityMs(leaseMs, this.counted)
    )
  }

  // ---- the log ----

  append(entry: LogEntry): void {
    this.log.push(entry)
    for (const process of this.voters.values()) this.applyLater(process)
  }

  applyLater(process: VoterProcess): void {
    const { life } = process
    this.after(this.random() * 60 * this.slowness, () => {
      if (process.voter === null || process.life !== life) return
      const entry = this.log[process.applied]
      if (entry === undefined) return
      process.applied += 1
      if (entry.is === 'closed') this.step(process, { type: 'closed', session })
      else this.step(process, { type: 'opened', session, epoch: entry.epoch, leaseMs })
    })
  }

  expire(epoch: number): void {
    if (this.expired || (epoch !== this.epoch && this.bug !== 'an expiry is applied to whatever epoch'))
      return
    this.expired = true
    this.append({ is: 'closed' })
  }

  // ---- voters ----

  makeVoter(name: string): void {
    const process: VoterProcess = {
      name,
      clock: this.makeClock(),
      disk: [],
      voter: null,
      life: 0,
      applied: 0,
      durable: 0,
      gated: [],
    }
    this.voters.set(name, process)
    this.startVoter(process)
    this.crashSometimes(process)
  }

  startVoter(process: VoterProcess): void {
    process.life += 1
    process.applied = 0
    process.durable = 0
    process.gated.length = 0
    const forgets = this.bug === 'a restarted voter forgets what it withdrew'
    process.voter = createVoter({
      self: process.name,
      incarnation: process.life,
      bounds: {
        ...this.counted,
        ...(this.bug === 'a voter counts the lease without drift' ? { maxClockDrift: 0 } : {}),
      },
      startedAt: process.clock.read(this.now),
      withdrawals: forgets ? [] : process.disk,
    })
    for (let entry = 0; entry < this.log.length; entry += 1) this.applyLater(process)
  }

  crashSometimes(process: VoterProcess): void {
    this.after(this.between(20, 800), () => {
      this.crash(process, process.life)
      this.crashSometimes(process)
    })
  }

  crash(process: VoterProcess, life: number): void {
    if (process.voter === null || process.life !== life) return
    process.voter = null
    this.after(this.random() * 60, () => this.startVoter(process))
  }

  step(process: VoterProcess, input: VoterInput): void {
    const { voter } = process
    if (voter === null) return
    const effects = stepVoter(voter, input, process.clock.read(this.now))
    this.plantIn(voter)
    for (const effect of effects) this.execute(process, effect)
  }

  plantIn(voter: Voter): void {
    const open = voter.sessions.get(session)
    if (this.bug === 'a voter goes on acknowledging what it withdrew') voter.withdrawn.clear()
    if (open === undefined) return
    if (this.bug === 'a voter does not note what it hears') open.heardAt = null
    if (this.bug === 'a voter counts silence neither from its start nor from the opening') {
      open.openedAt = -Infinity
      Object.assign(voter, { startedAt: -Infinity })
    }
  }

  execute(process: VoterProcess, effect: VoterEffect): void {
    const { life } = process
    switch (effect.type) {
      case 'persist':
        // Disks take their time, and crashes love the moment before the record is safe.
        if (this.random() < 0.15)
          this.after(this.random() * 40 * this.diskSlowness, () => this.crash(process, life))
        this.after(this.random() * 40 * this.diskSlowness, () => {
          if (process.voter === null || process.life !== life) return
          process.disk.push(effect.withdrawal)
          process.durable = Math.max(process.durable, effect.sequence)
          for (const { after, message } of process.gated.splice(0)) this.release(process, message, after)
        })
        return
      case 'send':
        this.release(process, effect.message, effect.after ?? 0)
        return
      case 'wake-at': {
        if (effect.at === null) return
        // Never early by the voter's own clock, sometimes late. A wake that was replaced does no harm.
        const delay =
          Math.max(0, process.clock.when(effect.at) - this.now) +
          (this.random() < 0.3 ? 5 * this.slowness : 0)
        this.after(delay, () => {
          if (process.life === life) this.step(process, { type: 'wake' })
        })
        return
      }
      default:
        effect satisfies never
    }
  }

  release(process: VoterProcess, message: SupportMessage, after: number): void {
    if (after > process.durable && this.bug !== 'a voter answers before its withdrawal is durable') {
      process.gated.push({ after, message })
      return
    }
    this.network(() => {
      if (message.type === 'withdraw-answer') this.answered(message.voter, message.epoch)
      else this.reply(message)
    })
  }

  // ---- arbiter: asks always, as the worst one would; only the voters stand between it and a live session ----

  ask(): void {
    this.after(this.between(5, 40) * Math.max(0.1, this.slowness), () => {
      const { epoch } = this
      for (const process of this.voters.values()) {
        const request = { type: 'withdraw-request', session, epoch } as const
        this.network(() => this.step(process, { type: 'withdraw-request', from: 'arbiter', request }))
      }
      this.ask()
    })
  }

  answered(voter: string, epoch: number): void {
    withdrew(this.withdrawals, { session, epoch, voter })
    if (withdrawalResult(this.withdrawals, { voters: this.names }, session, epoch) !== 'won') return
    this.after(this.random() * 30 * this.slowness, () => this.expire(epoch))
  }

  // ---- holder ----

  /** What reaches a paused process waits until it runs again. */
  whenRunning(run: () => void): void {
    if (this.now < this.pausedUntil) this.after(this.pausedUntil - this.now, () => this.whenRunning(run))
    else run()
  }

  pause(): void {
    this.after(this.between(50, 600), () => {
      this.pausedUntil = this.now + this.between(10, 4 * leaseMs)
      this.pause()
    })
  }

  send(): void {
    this.after(this.between(5, 25), () =>
      this.whenRunning(() => {
        const sequence = this.holder.lastSequence + 1
        const instant = { at: this.holderClock.read(this.now) }
        sent(this.holder, sequence, instant)
        this.instants.set(sequence, instant)
        const keepalive = { type: 'keepalive', session, epoch: this.holder.epoch, sequence } as const
        for (const process of this.voters.values()) {
          this.network(() => this.step(process, { type: 'keepalive', from: 'sponsor', keepalive }))
        }
        this.send()
      }),
    )
  }

  reply(message: SupportMessage): void {
    this.whenRunning(() => {
      if (message.type === 'keepalive-refusal') refused(this.holder, message)
      if (message.type !== 'keepalive-ack') return this.reopenIfDue()
      const instant = this.instants.get(message.sequence)
      if (this.bug === 'the holder counts from the answer' && instant !== undefined) {
        instant.at = this.holderClock.read(this.now)
      }
      if (acknowledged(this.holder, message)) this.renewals += 1
    })
  }

  reopenIfDue(): void {
    if (!isEndangered(this.holder)) return
    const { epoch } = this.holder
    this.after(this.random() * 40, () => {
      if (this.expired || this.epoch !== epoch) return
      this.epoch += 1
      this.reopens += 1
      this.append({ is: 'opened', epoch: this.epoch })
      const next = this.epoch
      this.after(this.random() * 40, () => this.whenRunning(() => reopened(this.holder, next)))
    })
  }
}

const outcomeOf = (seed: number, bug: Bug): Outcome => new World(seed, bug).play()

/** The first seed, from 1, whose world ends in a violation. */
function firstSeedThatCatches(bug: Bug, seeds: number): number | null {
  for (let seed = 1; seed <= seeds; seed += 1) if (outcomeOf(seed, bug).violation !== null) return seed
  return null
}

it('never ends a session whose holder still believes, whatever the clocks, the network and the crashes do', () => {
  let expiries = 0
  let reopens = 0
  let renewals = 0
  for (let seed = 1; seed <= 150; seed += 1) {
    const outcome = outcomeOf(seed, 'none')
    expect({ seed, violation: outcome.violation }).toEqual({ seed, violation: null })
    expiries += outcome.expired ? 1 : 0
    reopens += outcome.reopens
    renewals += outcome.renewals
  }
  // Worlds in which nothing happens would prove nothing.
  expect(expiries).toBeGreaterThan(30)
  expect(reopens).toBeGreaterThan(30)
  expect(renewals).toBeGreaterThan(1_000)
})

it.each([
  'a restarted voter forgets what it withdrew',
  'a voter answers before its withdrawal is durable',
  'a voter goes on acknowledging what it withdrew',
  'a voter does not note what it hears',
  'a voter counts silence neither from its start nor from the opening',
  'a voter counts the lease without drift',
  'nobody counts the tick',
  'the holder counts from the answer',
  'the holder is content with less than a majority',
  'an expiry is applied to whatever epoch',
] satisfies Bug[])('would be seen: %s', (bug) => {
  expect(firstSeedThatCatches(bug, 600)).not.toBeNull()
})
